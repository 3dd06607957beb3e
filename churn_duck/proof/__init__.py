"""Simulated data with known truth, and what the engine recovers of it."""
