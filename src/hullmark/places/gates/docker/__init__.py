"""Docker's authorisation plugin: every call to dockerd is shown to us first, and refused where it would start what may not run."""
