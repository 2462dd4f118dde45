"""The RTSP server of `?serve=1`, run by the system's Python; it imports nothing else of ours.

    python3 server_child '{"address": "0.0.0.0", "port": 8554, "socket": PATH}'

It serves RTSP at address and port, and listens at the Unix socket PATH. It prints "ready", or an
error, and ends with standard input.

Each connection to the Unix socket brings one stream. It begins with a line of JSON,
{"path": "/name", "user": "name:password" or null}, which is answered by a line, "ok" or why not.
Access units in Annex B follow, each after its length and the monotonic seconds of its capture
(">Id"). The stream ends with its connection.

Each path has a server of GStreamer's with its own password, behind one port. The first request of a
viewer tells to which of them its connection belongs. Viewers are not trusted: their number is
limited, and so is what one of them may send.
"""
