"""The fake API server, driven by the real clients of Kubernetes."""
