"""Tables of accounts, persons and keys."""
