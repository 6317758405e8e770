"""Google Cloud Run: which revisions of which services serve in a project, by its Admin API."""
