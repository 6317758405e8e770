"""The server wing: what one machine or many keep, decide and tell. Each topic has the same name on each floor."""
