"""CVAT's XML 1.1."""
