"""Tests of the room that finds what makes an image pass."""
