"""Tests of what workloads are granted."""
