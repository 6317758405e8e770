"""The verbs that a server is asked for, one module a noun; each imports what it needs when it runs."""
