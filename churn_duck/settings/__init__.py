"""What a business may configure, checked once, then frozen."""
