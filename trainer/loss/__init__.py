"""Anchors, label assignment and the loss (YOLOv7, section 4)."""
