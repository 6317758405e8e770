"""What proves something about an image."""
