"""Routes about what is told: channels, subscriptions, silences, messages, transitions."""
