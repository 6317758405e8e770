"""How snapshots come, are kept and are matched with what the server holds."""
