"""The stories: scan, check. Each reads top to bottom; the world is handed in."""
