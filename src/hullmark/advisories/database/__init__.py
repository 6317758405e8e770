"""Snapshots of advisories: immutable SQLite files, named by their content, made and asked here."""
