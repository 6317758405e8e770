"""Tests of what runs where."""
