"""ONNX files of other exporters become models of the contract: one file for each kind of head."""
