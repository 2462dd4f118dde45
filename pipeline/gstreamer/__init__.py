"""Decoding by GStreamer, in a child process: the only way to the video hardware of a Jetson."""
