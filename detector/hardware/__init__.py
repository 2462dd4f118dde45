"""The hardware of this machine: CPU features, NVIDIA's driver, OpenVINO's devices."""
