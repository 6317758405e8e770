"""Corrections of packages."""
