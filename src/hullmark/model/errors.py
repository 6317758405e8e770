"""The only error that is shown to people: a request that cannot be met, with what to do about it."""

from __future__ import annotations


class HullmarkError(Exception):
    """A request that cannot be met.

    `str(error)` is one line saying what is wrong; `advice` is one line saying what to do. The command line prints both and exits with
    status 2.
    """

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class BrokenImage(HullmarkError):
    """The image contradicts itself (a digest, a size, a damaged layer), so nothing in it can be trusted."""
