"""What decodes and encodes video here: chosen by what the machine has, tried, and named."""
