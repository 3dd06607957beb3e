"""The HTTP API over published snapshots; needs the extra `serve`."""
