"""How images come, are analysed, kept and forgotten."""
