"""Connections that may break: their status, causes of failure, pauses between attempts."""
