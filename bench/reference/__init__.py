"""Programs that lra is compared with, each run as a script of its own."""
