"""Invented data whose truth is known, and what the engine recovers of it."""
