"""Pages that need nothing else: one HTML file each."""
