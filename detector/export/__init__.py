"""From a network or a foreign graph to ONNX files that keep the model contract."""
