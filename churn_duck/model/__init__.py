"""A model file: what it reads, verified, applied, explained, registered."""
