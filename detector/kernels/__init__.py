"""Our programs for GPUs, in CUDA C, and what calls them."""
