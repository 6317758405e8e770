"""Tests of what runs where, and of gates."""
