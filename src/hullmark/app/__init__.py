"""The stories of the command line: check, vulns, update, share, trials, vex. Each reads from top to bottom; the world is handed in."""
