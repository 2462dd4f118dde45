"""JSON Schemas of events and gaps."""
