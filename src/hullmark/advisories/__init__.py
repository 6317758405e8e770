"""Advisories: what feeds say (`feeds`), kept as snapshots (`database`), and which packages they are about (`match`)."""
