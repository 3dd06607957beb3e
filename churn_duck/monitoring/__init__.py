"""Drift, realised performance, and when to retrain."""
