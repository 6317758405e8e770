"""What clients of other protocols ask for: Harbor's scans."""
