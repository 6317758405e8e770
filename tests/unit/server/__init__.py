"""Tests of the server wing, without a server."""
