"""Malware: archives, scanners and the facet."""
