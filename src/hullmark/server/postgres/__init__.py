"""A PostgreSQL of the server's own: install, start, dump, restore."""
