"""Version schemes."""
