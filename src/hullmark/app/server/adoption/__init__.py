"""A newer snapshot of advisories comes to count: matched with what is held, and carried into all verdicts."""
