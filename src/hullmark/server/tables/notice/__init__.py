"""Tables of transitions, of who wants to be told, and of messages and their delivery."""
