"""What is looked at for changes: tags, repositories, and what registries tell."""
