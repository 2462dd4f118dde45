"""Attention: which frames of a stream the engine looks at, and which rest."""
