"""Hullmark says what is inside a container image, whether it may sail, and when it no longer may."""
