"""The walk from what an image starts."""
