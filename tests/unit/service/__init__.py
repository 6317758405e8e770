"""Tests of the server's interface."""
