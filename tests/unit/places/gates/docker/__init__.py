"""The authorisation plugin of dockerd."""
