"""Containers and formats that sources and sinks share: demuxers, H.264, RTP."""
