"""How a server is backed up and restored."""
