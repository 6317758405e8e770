"""The worker: what runs jobs."""
