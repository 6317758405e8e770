"""Tables of snapshots and of what they say of coordinates."""
