"""INT8 models: calibration, the layers that stay in floating point, one file per runtime."""
