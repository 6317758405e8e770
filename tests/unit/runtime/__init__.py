"""What collectors promise."""
