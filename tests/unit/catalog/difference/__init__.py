"""Tests of what differs between two images."""
