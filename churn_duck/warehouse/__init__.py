"""The folder on disk, its one DuckDB file, and how the SQL runs in it."""
