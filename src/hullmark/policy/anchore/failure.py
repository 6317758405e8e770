"""What a rule raises that cannot be judged."""


class RuleFailed(Exception):
    """A rule cannot be judged: by default that stops, as one rule only. Says why in a sentence without its subject."""
