"""Ultralytics' YOLO layout."""
