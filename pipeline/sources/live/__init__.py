"""Live sources: RTSP, MJPEG, HLS, pipes and V4L2, with reconnects and one time line."""
