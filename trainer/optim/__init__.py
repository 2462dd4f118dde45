"""Optimisation: optimiser, device, processes, gradients."""
