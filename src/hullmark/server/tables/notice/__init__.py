"""Tables of transitions, subscriptions, and messages with their delivery."""
