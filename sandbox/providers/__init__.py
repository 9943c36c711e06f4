"""Ways to isolate a guest: one module each, one shape for all (`base`)."""
