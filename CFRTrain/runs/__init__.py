"""Job, events, run folder and checkpoints: all that the engine and the viewer share."""
