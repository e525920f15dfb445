"""The command line: verbs over the pipeline, nothing that computes."""
