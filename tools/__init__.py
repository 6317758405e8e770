"""What the Makefile runs: set-up, system packages, the corpus, the demonstration."""
