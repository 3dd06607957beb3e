"""From the training set to ONNX files; the only wing that needs scikit-learn."""
