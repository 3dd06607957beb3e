"""What each wing's commands print."""
