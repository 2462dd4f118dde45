"""Data sets: read, checked, cached, and put together into batches."""
