"""The error of a rule that cannot be judged."""


class RuleFailed(Exception):
    """A rule cannot be judged. By default the verdict is then stop; the other rules are judged all the same. The message gives the reason
    as a sentence without its subject.
    """
