"""JSON Schemas of messages, of what a broker keeps, and of descriptions for Home Assistant."""
