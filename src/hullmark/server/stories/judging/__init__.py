"""How images are judged, again when a deadline has passed, and what would change."""
