"""Weights: checkpoints, official files, releases, and the models exported from them."""
