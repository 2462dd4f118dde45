"""YOLO layouts, Ultralytics' and Darknet's."""
