"""Tables of traps."""
