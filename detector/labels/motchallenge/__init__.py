"""MOTChallenge's ground truth."""
