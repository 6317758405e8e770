"""Tests of the snapshots of advisories."""
