"""in-toto statements v0.1 and v1 (https://github.com/in-toto/attestation): what is said, of what, by which kind of predicate."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hullmark.model.limit import Limit

STATEMENT = "https://in-toto.io/Statement/v1"
"""The type of statements that are written here."""

TYPES = (STATEMENT, "https://in-toto.io/Statement/v0.1")
"""The types of statements that are read."""

_MAX_SUBJECTS = Limit(10_000, "subjects of one statement", "refused")


class Subject(msgspec.Struct, frozen=True):
    """What a statement is about: its name, and its digests by algorithm."""

    name: str = ""
    digest: dict[str, str] = {}


class Statement(msgspec.Struct, frozen=True):
    """A statement; the predicate is still as it was written."""

    subject: tuple[Subject, ...]
    predicate_type: str = msgspec.field(name="predicateType")
    type: str = msgspec.field(name="_type")
    predicate: msgspec.Raw = msgspec.Raw(b"null")

    def is_about(self, digests: Iterable[str]) -> bool:
        """Whether one of its subjects has one of these digests (`sha256:HEX`)."""
        wanted = {tuple(digest.split(":", 1)) for digest in digests}
        return any(not wanted.isdisjoint(subject.digest.items()) for subject in self.subject)


def read_statement(payload: bytes) -> Statement:
    """The statement in the payload of an envelope. Raises ValueError for anything else."""
    try:
        statement = msgspec.json.decode(payload, type=Statement)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ValueError(f"it is not an in-toto statement: {str(error)[:200]}") from error
    if statement.type not in TYPES:
        raise ValueError(f"it is not a statement of a known version: {statement.type[:100]!r}")
    if len(statement.subject) > _MAX_SUBJECTS:
        raise ValueError(f"it has more than {_MAX_SUBJECTS} subjects")
    return statement
