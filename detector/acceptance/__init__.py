"""Whether an engine agrees with its reference on real images."""
