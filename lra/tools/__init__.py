"""What the model can call: a module per toolset."""
