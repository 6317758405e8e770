"""Requests from clients with other protocols: Harbor's scans."""
