"""Amazon ECS: which containers of which tasks run in the clusters of an account, by its API and by its events."""
