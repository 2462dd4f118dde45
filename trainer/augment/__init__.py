"""Augmentation: wherever an image goes, its boxes go with its pixels."""
