"""Which case a person should label next, and which of its slices to look at first."""
