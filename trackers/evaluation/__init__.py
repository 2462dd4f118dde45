"""Scores of tracking results against ground truth: HOTA, CLEAR, identity."""
