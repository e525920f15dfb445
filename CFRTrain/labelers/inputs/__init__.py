"""How a patch becomes SAM's pictures: one input strategy per file; `labelers/sam_input.py` lists them."""
