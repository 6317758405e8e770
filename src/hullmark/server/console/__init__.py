"""The console: pages for people, made on the server of what the stories and tables below know."""
