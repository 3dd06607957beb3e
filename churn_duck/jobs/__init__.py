"""Whole jobs, made of the stages."""
