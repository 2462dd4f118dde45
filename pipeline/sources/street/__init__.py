"""The synthetic street: a world drawn from a seed, with its ground truth."""
