"""What a network is taught: anchors, assignment, and the loss (YOLOv7, section 4)."""
