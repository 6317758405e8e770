"""Tests of feeds, snapshots and matching."""
