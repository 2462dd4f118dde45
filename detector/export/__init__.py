"""Export a network, or a graph of another exporter, to ONNX that follows the model contract."""
