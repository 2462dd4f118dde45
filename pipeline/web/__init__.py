"""The face of a run in a browser: server, access, API, live view, metrics and page."""
