"""The YOLOv7 family: descriptions as data, their layers and heads, the network they make."""
