"""Counting what tracks do: lines, zones, and the events they make."""
