"""Tests of scanning: one request → one result."""
