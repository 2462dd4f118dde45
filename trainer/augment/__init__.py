"""Augmentation: images and their boxes, changed together."""
