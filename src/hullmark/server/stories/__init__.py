"""What happens on the server, each story read from top to bottom; the world is handed in."""
