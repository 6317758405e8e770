"""Collectors of what runs."""
