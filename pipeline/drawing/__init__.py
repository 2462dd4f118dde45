"""What is drawn into frames: boxes, lines, and labels that leave each other room."""
