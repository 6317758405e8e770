"""Routes about what is watched, and the addresses that registries call."""
