"""Building the agent: model choice, offline model, instructions, context."""
