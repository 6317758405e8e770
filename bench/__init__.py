"""What is measured: Hullmark against native tools (truth), against a peer and against the floor (speed)."""
