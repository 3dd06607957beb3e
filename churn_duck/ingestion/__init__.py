"""Sources to typed Parquet, validated; a configuration proposed for unknown files."""
