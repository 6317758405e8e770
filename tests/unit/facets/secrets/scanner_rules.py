"""What other scanners' rules find, as data: each rule, who has it, the kind of ours for it, and a text that the tests make a value for.

`scanner_rules.txt` has a line a rule: name, scanners (b: betterleaks, g: gitleaks, k: kingfisher, d: detect-secrets), kind, text. A rule
with the kind `-` is left out for the reason that stands instead of the text. A text with its name in it is used as it is; one that is a
value alone stands in a call and is given to a name.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.unit.facets.secrets.samples import (
    ALNUM,
    BASE32,
    BASE64,
    BINARY,
    DIGITS,
    HEX,
    LOWER,
    SAMPLES,
    UPPER,
    URL,
    github,
    gitlab_routable,
    some,
)

FILE = Path(__file__).with_suffix(".txt")
SCANNERS = {"b": "betterleaks", "g": "gitleaks", "k": "kingfisher", "d": "detect-secrets"}
GENERAL = frozenset(("assigned-secret", "environment-secret", "quoted-secret", "named-value"))
"""Kinds for what a name says that it is a secret; which of them it is depends on the text around it."""

REASONS = {
    "identifier": "an identifier, a user's or a token's name: no secret",
    "address": "the address of a service",
    "public": "a key that its issuer means to be published",
    "entropy": "any text that looks random",
    "network": "an address of the network",
}
_ALPHABETS = {
    "x": ALNUM,
    "w": URL,
    "b": BASE64,
    "h": HEX,
    "H": HEX.upper(),
    "d": DIGITS,
    "l": LOWER + DIGITS,
    "u": UPPER + DIGITS,
}
_ALPHABETS |= {"a": UPPER + LOWER, "L": LOWER, "U": UPPER, "t": BASE32.lower(), "B": BASE32}
_GAP = re.compile(r"<(?:([a-zA-Z])([0-9]+)|g|@([a-z0-9-]+)|%([a-z0-9]+)(?: (\w+-?))?)>")
_HAS_A_NAME = re.compile(r"[A-Z0-9_]+=|[\s\S]*(?:[=:] ?<|\s|://|[:=]\")")


class Rule(NamedTuple):
    """A rule of other scanners, their letters, our kind ("" for none), and a text with gaps, or why there is none."""

    name: str
    scanners: str
    kind: str
    text: str

    def texts(self) -> Iterator[bytes]:
        """The text with made-up values in its gaps, in each of its surroundings."""
        for text in self._texts():
            yield text.encode("latin-1")

    def _texts(self) -> Iterator[str]:
        text = made(self.text, self.name)
        if self.kind in BINARY or _HAS_A_NAME.match(self.text):
            yield text
            if re.fullmatch(r"[A-Z0-9_]+=\S+", text):
                name, _, value = text.partition("=")
                yield f'  {name.lower()}: "{value}"\n'
                yield f'set("{name}", "{value}")\n'
        else:
            yield f"THING={text}\n"
            yield f'  call("{text}", 1)\n'


def rules() -> list[Rule]:
    """All of them, in the order of the file."""
    lines = FILE.read_text("utf-8").splitlines()
    return [
        Rule(name, who, kind.strip("-"), text.replace("\\n", "\n"))
        for name, who, kind, text in (x.split("\t") for x in lines)
    ]


def all_samples() -> dict[str, bytes]:
    """Kind → a text with one such secret, for every kind there is."""
    ruled = {rule.kind: next(rule.texts()) for rule in reversed(rules()) if rule.kind}
    return ruled | {kind: text.encode() for kind, (text, _) in SAMPLES.items()} | BINARY


def made(text: str, seed: str) -> str:
    """A text with its gaps filled: <h32> 32 hex digits, <g> a UUID, <@kind> that kind's sample, <%github ghp> a token with its checksum."""

    def fill(gap: re.Match[str]) -> str:
        alphabet, count, kind, special, word = gap.groups()
        own = f"{seed}{gap.start()}"
        if kind:
            return BINARY[kind].decode("latin-1") if kind in BINARY else SAMPLES[kind][0]
        if special:
            return _special(special, word, own)
        if alphabet:
            return some(_ALPHABETS[alphabet], int(count), own)
        return "-".join(some(HEX, size, own + str(at)) for at, size in enumerate((8, 4, 4, 4, 12)))

    return _GAP.sub(fill, text)


def _special(name: str, word: str | None, seed: str) -> str:
    if name == "github":
        return github(word or "")
    if name == "routable":
        return gitlab_routable(word or "")
    return b64encode((SAMPLES["jwt"][0] if name == "jwt" else some(ALNUM, 16, seed)).encode()).decode()
