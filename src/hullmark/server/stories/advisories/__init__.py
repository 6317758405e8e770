"""How snapshots arrive, are stored, and are matched with the packages that the server holds."""
