"""Tools of MCP servers: which servers there are, running them, and offering their tools."""
