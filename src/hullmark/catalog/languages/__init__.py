"""What languages and their tools install: a module an ecosystem."""
