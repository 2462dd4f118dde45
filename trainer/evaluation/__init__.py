"""Evaluation of models: matching, average precision, analysis of errors."""
