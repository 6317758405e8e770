"""The places where containers run: what runs there (`runtime`), and what may start there (`gates`)."""
