"""Text with its secrets masked: those that have the form of one, and what is given to names and arguments that say they are.

What is masked here is what the secrets facet finds, and much more: the forms need not be known. What is judged by rules stays: names,
paths, addresses without their passwords, switches, the well-known default passwords, and that there is a value at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hullmark.facets.secrets.assigned import find_assigned_values, is_code
from hullmark.facets.secrets.finder import Finder, FoundSecret, own_finder, small_finder
from hullmark.facets.secrets.kinds_files import OLD_HASH
from hullmark.facets.secrets.logins import PROGRAMS, logins
from hullmark.facets.secrets.names import is_secret_name, is_secret_value
from hullmark.facets.secrets.words import words_in

MASK = b"****"

_ROUNDS = 8
_SMALL = 100_000
"""Up to so many bytes are looked through before the fastest way would have begun."""
_BETWEEN = "\x1f"
_WIDE = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def mask_secrets(body: bytes, name: str = "") -> bytes:
    """The body with each secret in it replaced by four stars. The text around it stays: names, addresses, kinds of hashes.

    `name` is the last segment of the file's path, which some kinds depend on. Masking twice changes nothing, and lines keep their numbers.
    """
    for mark, coding in _WIDE:
        if body.startswith(mark):
            text = (
                body[2:]
                .decode(coding, "surrogatepass" if len(body) % 2 == 0 else "replace")
                .encode("utf-8", "surrogatepass")
            )
            hidden = _mask_text(own_finder(), text, name, is_command=False)
            return (
                body
                if hidden == text
                else mark + hidden.decode("utf-8", "surrogatepass").encode(coding, "surrogatepass")
            )
    return _mask_text(own_finder(), body, name, is_command=False)


def masked_text(text: str) -> str:
    """The same for a line or two: a command, a label, a build instruction."""
    raw = text.encode("utf-8", "surrogateescape")
    return _mask_text(small_finder(), raw, "", is_command=True).decode("utf-8", "surrogateescape")


def masked_dockerfile(text: str) -> str:
    """A whole Dockerfile, "" where there is none."""
    if not text:
        return ""
    return masked_document(text.encode("utf-8", "surrogatepass"), "Dockerfile").decode("utf-8", "surrogatepass")


def masked_document(body: bytes, name: str = "") -> bytes:
    """What `mask_secrets` answers, for the one small document that a process looks at."""
    return _mask_text(own_finder() if len(body) > _SMALL else small_finder(), body, name, is_command=False)


def secrets_in(text: str) -> list[str]:
    """What a line or two gives to names, arguments and addresses that say it is a secret."""
    raw = text.encode("utf-8", "surrogateescape")
    words = words_in(raw, PROGRAMS)
    spans = (*find_assigned_values(raw, words.roots, is_command=True), *logins(raw, words.programs))
    return [raw[start:end].decode("utf-8", "surrogateescape") for start, end in spans]


def masked_value(name: str, value: str) -> str:
    """What a variable or a label is given."""
    raw = value.encode("utf-8", "surrogateescape")
    return MASK.decode() if is_secret_name(name) and is_secret_value(name, raw) else masked_text(value)


def masked_words(words: Sequence[str]) -> tuple[str, ...]:
    """A command word by word: what follows an option is masked as its value."""
    if not words:
        return ()
    if any(_BETWEEN in word for word in words):
        return tuple(masked_text(word) for word in words)
    hidden = masked_text(_BETWEEN.join(words)).split(_BETWEEN)
    if len(hidden) != len(words):
        return tuple(MASK.decode() for _ in words)
    return tuple(
        MASK.decode() if _is_option(before) and is_secret_value(before, word.encode("utf-8", "replace")) else word
        for before, word in zip(("", *hidden), hidden, strict=False)
    )


def _is_option(word: str) -> bool:
    return word.startswith("-") and "=" not in word and len(word) < 100 and is_secret_name(word)


def _mask_text(finder: Finder, body: bytes, name: str, *, is_command: bool) -> bytes:
    for _ in range(_ROUNDS):
        # What is replaced may have kept its neighbour from being seen as what it is.
        words = words_in(body, () if is_code(name) else PROGRAMS, is_code=is_code(name))
        places = (
            *find_assigned_values(body, words.roots, name, is_command=is_command),
            *logins(body, words.programs, name),
        )
        named = _replace_places(body, ((*span, MASK) for span in places)) if places else body
        spots = finder.find(named, name)
        changed = _replace_places(
            named, ((spot.start, spot.end, _mask(named, spot)) for spot in spots.found), is_cut=spots.is_cut
        )
        if changed == body:
            return body
        body = changed
    return MASK  # a text made so that every round brings out new ones


def _replace_places(body: bytes, places: Iterable[tuple[int, int, bytes]], *, is_cut: bool = False) -> bytes:
    """The body with other bytes at these places; of two that overlap, the one that begins first counts for both."""
    pieces: list[bytes] = []
    at = 0
    for start, end, mask in sorted(places):
        if start >= at and end > start:
            pieces += (body[at:start], mask)
        at = max(at, end)
    # Where there are too many to find them all, what follows the last one is not to be kept.
    pieces.append(b"" if is_cut else body[at:])
    return b"".join(pieces)


def _mask(body: bytes, spot: FoundSecret) -> bytes:
    """Four stars; except for the oldest form of hashes, where stars would mean a locked account."""
    if spot.kind.id != OLD_HASH:
        return MASK
    first = b"_" if body.startswith(b"_", spot.start) else b"."
    return first + b"." * (spot.end - spot.start - 1)
