"""What is newer than what an image has (`upkeep`), and which changes would make it pass (`remedy`)."""
