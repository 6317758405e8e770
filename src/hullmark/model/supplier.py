"""Who supplies a package, or who wrote a document: a name, and a mail or web address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

SUPPLIER = "supplier"
"""The note of a package that names who supplies it, where its own record does not, or a person knows better."""

_NOTES = (SUPPLIER, "vendor", "maintainer", "author", "authors", "implementor", "company")
"""Notes that name one, the first that there is counts."""

_LONGEST = 255
_NAMED = re.compile(r"\s*([^<>]*?)\s*<([^<>]*)>").match
_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+").fullmatch
_WEB = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&*+,;=%-]{1,2000}").fullmatch


class Agent(NamedTuple):
    """A name, with addresses ("": none is known)."""

    name: str
    mail: str = ""
    web: str = ""


def agent(text: str) -> Agent | None:
    """Parse `Example Ltd <sbom@example.com>`, the same with a web address, or the name alone; None if there is no name."""
    found = _NAMED(text)
    name, address = found.groups() if found is not None else (text, "")
    name = " ".join(name.split())[:_LONGEST] or address.strip()[:_LONGEST]
    address = address.strip()
    if not name or not name.isprintable():
        return None
    return Agent(name, address if _MAIL(address) else "", address if _WEB(address) else "")


def has_supplier(notes: Mapping[str, str]) -> bool:
    """Whether a package's notes name its supplier."""
    return any(notes.get(note) for note in _NOTES)


def supplier_of(notes: Mapping[str, str]) -> Agent | None:
    """The supplier of a package, by its notes; its home page is the web address if no other is known."""
    found = agent(next((notes[note] for note in _NOTES if notes.get(note)), ""))
    home = notes.get("homepage", "")
    return found._replace(web=home) if found is not None and not found.web and _WEB(home) else found
