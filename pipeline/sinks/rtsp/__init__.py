"""RTSP output: pushed to a server, or served by a child process."""
