"""What is kept: layer records and finished inventories, on disk."""
