"""The shipped models and sample images, installed as the package `framelane_models`."""
