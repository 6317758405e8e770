"""A suite of a repository of apt: its (In)Release file (https://wiki.debian.org/DebianRepository/Format).

Its signature is not verified: whoever can change what the mirror answers can hide an update, but cannot make anything run.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from hullmark.model.limit import Limit

_MAX_FILES = Limit(200_000, "files that one suite of apt lists", "refused")
_DIGEST = re.compile(r"[0-9a-f]{64}").fullmatch

NOT_AUTOMATIC, BUT_UPGRADES, USUAL = 1, 100, 500
"""The priorities of apt_preferences(5), where nothing is pinned."""


class Release(NamedTuple):
    """What a suite says of itself. `files` are the SHA-256 of its lists by their names; `date` is the day (ISO 8601) it was made."""

    fields: dict[str, str]
    files: dict[str, str]

    @property
    def priority(self) -> int:
        """How much apt wants its packages."""
        if self.fields.get("notautomatic", "").lower() != "yes":
            return USUAL
        return BUT_UPGRADES if self.fields.get("butautomaticupgrades", "").lower() == "yes" else NOT_AUTOMATIC

    @property
    def is_security(self) -> bool:
        """Whether it brings security updates: its label (Debian) or its name (Ubuntu) says so."""
        names = (self.fields.get(name, "").lower() for name in ("label", "suite", "codename"))
        return any(name.endswith("security") for name in names)

    @property
    def date(self) -> str:
        """The day on which it was made; "" if it does not say."""
        try:
            return parsedate_to_datetime(self.fields.get("date", "")).date().isoformat()
        except (ValueError, IndexError, TypeError, OverflowError):
            return ""

    @property
    def has_by_hash(self) -> bool:
        """Whether its lists can be had by their digests, which no change of the mirror disturbs."""
        return self.fields.get("acquire-by-hash", "").lower() == "yes"


def parse_release(body: bytes) -> Release:
    """The file, signed in the clear or not. Raises ValueError for another document."""
    text = body.decode("utf-8", "replace")
    if text.startswith("-----BEGIN PGP SIGNED MESSAGE-----"):
        text = text.partition("\n\n")[2].partition("\n-----BEGIN PGP SIGNATURE-----")[0]
        text = re.sub(r"(?m)^- ", "", text)
    fields: dict[str, str] = {}
    files: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        if line[:1] in (" ", "\t"):
            parts = line.split()
            if last == "sha256" and len(parts) == 3 and _DIGEST(parts[0]):
                files[parts[2]] = parts[0]
                if len(files) > _MAX_FILES:
                    raise ValueError(f"it lists more than {_MAX_FILES:,} files")
        elif ":" in line:
            name, _, value = line.partition(":")
            last = name.strip().lower()
            fields[last] = value.strip()
    if not files:
        raise ValueError("it is not a Release file, or lists no SHA-256")
    return Release(fields, files)
