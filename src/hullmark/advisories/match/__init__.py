"""Packages and advisories → matches: tables of rules, and functions that apply them. Nothing here knows where advisories are kept."""
