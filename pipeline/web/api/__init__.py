"""The handlers of /api/v1, one file for each thing."""
