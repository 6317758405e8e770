"""A problem: input that could not be used. It travels in the result; it is never an exception."""

from __future__ import annotations

import msgspec


class Problem(msgspec.Struct, frozen=True, order=True):
    """What could not be read, where, and why.

    `path` begins with a slash (empty: the image as a whole), `layer` is an index into the image's layers
    (-1: none in particular), `room` names the part of the program that found it, `reason` is a sentence.
    """

    path: str
    layer: int
    room: str
    reason: str
