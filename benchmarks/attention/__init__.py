"""What attention costs in accuracy and saves in work, offline: every frame, no cameras."""
