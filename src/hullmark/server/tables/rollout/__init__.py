"""Tables of what a new snapshot still has to change."""
