"""What a training shows of itself: results on disk, charts, one HTML page."""
