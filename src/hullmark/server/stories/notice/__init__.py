"""People are told at once, once, and why: from a transition to those who received it."""
