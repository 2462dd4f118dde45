"""Live view: the camera's own packets in fragments, or JPEG, and the tracks of each frame."""
