"""Images in, boxes out. Knows nothing of threads, video or time."""
