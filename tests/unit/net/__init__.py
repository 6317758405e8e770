"""What the HTTP client promises."""
