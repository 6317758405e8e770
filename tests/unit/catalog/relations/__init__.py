"""Tests of the room relations."""
