"""What a classifier is: one product, the names of its files, and what its version stands beside in them.

A product's name in a file is an anchor: a version counts only where an anchor says whose it is, else any number would do. To add a
product, add one `Classifier` to a table of this folder.
"""

from __future__ import annotations

import re

import msgspec

REACH = 1024
"""Bytes: no pattern matches more, and nothing that it must stand near is farther away."""


class Rule(msgspec.Struct, frozen=True):
    """One place where a version may stand.

    `pattern` is a regular expression over bytes whose first group is the version; every repeat in it is bounded. `mark` is a text that is
    part of each match: the expression is tried only around it, which is far cheaper, most of all where each match begins with it. With
    `near`, a match counts only where that expression matches too, at most `within` bytes before or behind it.
    """

    pattern: bytes
    mark: bytes = b""
    near: bytes = b""
    within: int = 0


class Classifier(msgspec.Struct, frozen=True, kw_only=True):
    """One product. The first rule that holds anywhere in the file gives the version.

    `key` is the classifier's name, unique. `name` and `purl` (without version) are the package's, `cpes` its names in NVD as
    `vendor:product`. `files`: globs of the file's last segment, or of a whole path where they have a slash. `family`: of classifiers of one
    family the first that holds is believed, the others are not asked. `needs` must be in the file, `without` must not be. `in_path` must be
    in its path. `any_form`: the anchor is enough, also in a script or a text; all others count only in files that are not text.
    `minor_in_name`: the file's name holds X.Y, and a version that begins so is the product's, wherever it stands. `aliases`: words that
    also name the product in the names of distributions' packages. `brings`: files and folders, from the file's folder, that are the
    product's too (`{minor}` is the version's X.Y).
    """

    key: str
    name: str
    purl: str
    files: tuple[str, ...]
    rules: tuple[Rule, ...]
    cpes: tuple[str, ...] = ()
    family: str = ""
    needs: tuple[bytes, ...] = ()
    without: tuple[bytes, ...] = ()
    in_path: str = ""
    any_form: bool = False
    minor_in_name: bool = False
    aliases: tuple[str, ...] = ()
    brings: tuple[str, ...] = ()


XYZ = rb"\d{1,4}\.\d{1,4}\.\d{1,6}"
"""Three numbers."""

XY_Z = rb"\d{1,4}\.\d{1,4}(?:\.\d{1,6})?"
"""Two or three numbers."""


def after(anchor: bytes, version: bytes = XYZ, end: bytes = b"") -> Rule:
    """A version that directly follows a text."""
    return Rule(escape_text(anchor) + b"(" + version + b")" + end, anchor)


def alone(version: bytes = XYZ, near: bytes = b"", within: int = 0, *, before: bytes = b"") -> Rule:
    """A version that is a whole string of the program, with `before` in front of it, somewhere near an anchor."""
    start = b"\0" + before
    return Rule(escape_text(start) + b"(" + version + rb")\x00", start if before else b"", near, within)


def escape_text(text: bytes) -> bytes:
    """A text as an expression."""
    return b"".join(rb"\x00" if part == b"\0" else re.escape(part) for part in re.split(rb"(\x00)", text))
