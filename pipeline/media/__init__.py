"""Containers and formats that sources and sinks share: mp4 options, H.264, RTP."""
