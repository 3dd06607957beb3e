"""The dashboard over the published snapshot."""
