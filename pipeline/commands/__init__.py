"""The installed command `framelane`, and the main one: run."""
