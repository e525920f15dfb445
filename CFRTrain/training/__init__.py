"""One training loop, its losses and its schedules, shared by fine-tuning and re-training."""
