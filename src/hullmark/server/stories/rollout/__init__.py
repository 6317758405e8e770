"""How a new snapshot is carried into all matches and verdicts."""
