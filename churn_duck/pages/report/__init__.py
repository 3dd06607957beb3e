"""The team report."""
