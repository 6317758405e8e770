"""Tests of what is newer, and of remedies."""
