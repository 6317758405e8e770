"""Tables of images, their packages, tags, registries and uploads."""
