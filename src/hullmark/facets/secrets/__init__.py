"""Secrets: passwords, tokens and keys in files and settings."""
