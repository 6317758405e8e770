"""What each cataloger finds."""
