"""What a trained network is used with: inference, runtimes, metrics, the model file and the report."""
