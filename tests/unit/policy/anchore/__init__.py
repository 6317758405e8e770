"""Anchore policies."""
