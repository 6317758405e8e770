"""Corrections: what a person says that packages of an image really are."""
