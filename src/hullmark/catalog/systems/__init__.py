"""What systems install: databases of packages, and what an image says of itself."""
