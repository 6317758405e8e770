"""The use cases of the server, each written to be read from top to bottom. Everything external is passed in."""
