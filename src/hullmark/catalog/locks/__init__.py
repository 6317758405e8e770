"""What lock files and manifests name."""
