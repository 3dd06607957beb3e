"""Published snapshots, and what is served over them."""
