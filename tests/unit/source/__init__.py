"""What the sources promise."""
