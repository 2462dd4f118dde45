"""The state of a connection that may break: status, causes, pauses between attempts."""
