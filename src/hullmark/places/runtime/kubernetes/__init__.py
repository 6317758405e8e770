"""Kubernetes: clusters are asked by their API what runs in them, and say by a watch what changes."""
