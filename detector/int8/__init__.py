"""INT8 models: calibration, the layers to spare, one file per runtime."""
