"""The stages on a frame's path, from decode to annotate."""
