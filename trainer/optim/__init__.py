"""How weights move: optimiser, devices, processes, gradients side by side."""
