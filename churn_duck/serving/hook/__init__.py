"""The webhook that starts a retraining when an alert fires."""
