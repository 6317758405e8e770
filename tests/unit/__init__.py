"""What each room does, in milliseconds."""
