"""Notify: from two verdicts to what changed and why; and from a notice to what a channel sends."""
