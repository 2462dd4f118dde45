"""What this machine has: CPU features, NVIDIA's driver, OpenVINO's devices."""
