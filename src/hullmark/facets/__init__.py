"""Other facts than packages, taken on demand in the same pass."""
