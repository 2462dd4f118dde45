"""The results of a run: figures for a file, complaints, and a page of text."""
