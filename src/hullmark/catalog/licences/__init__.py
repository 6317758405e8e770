"""Licences by their texts: which of SPDX's a file holds."""
