"""Tests of the server as it runs."""
