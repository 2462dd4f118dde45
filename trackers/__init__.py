"""Boxes over time in, identities out. Knows nothing of pixels or models."""
