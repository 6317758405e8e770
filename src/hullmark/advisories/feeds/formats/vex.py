"""VEX of any kind: what a document is, is recognised by what stands in it (OpenVEX, CSAF, CycloneDX)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator

import msgspec

from hullmark.advisories.feeds.feed import Report
from hullmark.advisories.feeds.formats import csaf_statements, cyclonedx_vex, openvex
from hullmark.advisories.feeds.formats.reading import decode
from hullmark.model.advisory import Statement
from hullmark.model.limit import Limit

_Reader = Callable[[bytes, str, Report, str], Iterator[Statement]]
_MAX_WRAPPERS = Limit(3, "envelopes around a VEX document", "refused")


class _Subject(msgspec.Struct):
    digest: dict[str, str] = {}


class _Head(msgspec.Struct):
    context: str | list[str | dict[str, object]] = msgspec.field(default="", name="@context")
    bom_format: str = msgspec.field(default="", name="bomFormat")
    document: dict[str, msgspec.Raw] = {}
    payload: str = ""
    predicate: msgspec.Raw = msgspec.Raw()
    subject: msgspec.Raw = msgspec.Raw(b"[]")


_HEAD = msgspec.json.Decoder(_Head)
_SUBJECTS = msgspec.json.Decoder(list[_Subject])


def statements_of(data: bytes, source: str, report: Report, place: str) -> Iterator[Statement]:
    """The statements of a document of any of the three kinds, also within an in-toto statement or a DSSE envelope (its signature
    is not looked at). Anything else is reported at `place`."""
    subjects: tuple[str, ...] = ()
    for _ in range(_MAX_WRAPPERS):
        head = decode(_HEAD, data, place, report)
        if head is None:
            return
        reader = _reader(head)
        if reader is openvex.statements_of:
            yield from openvex.statements_of(data, source, report, place, subjects)
            return
        if reader is not None:
            yield from reader(data, source, report, place)
            return
        named = decode(_SUBJECTS, head.subject, place, report)
        if named is None:
            return
        inner = _unwrap_payload(head)
        if not inner:
            break
        data, subjects = inner, tuple(_digests(named))
    report(place, "left out: it is neither OpenVEX nor CSAF nor CycloneDX")


def _reader(head: _Head) -> _Reader | None:
    contexts = [head.context] if isinstance(head.context, str) else head.context
    if any(isinstance(context, str) and "openvex" in context for context in contexts):
        return openvex.statements_of
    if "csaf_version" in head.document:
        return csaf_statements.statements_of
    return cyclonedx_vex.statements_of if head.bom_format == "CycloneDX" else None


def _unwrap_payload(head: _Head) -> bytes:
    if head.payload:
        try:
            return base64.b64decode(head.payload, validate=True)
        except ValueError:  # binascii.Error is one; text that is not ASCII raises another
            return b""
    return bytes(head.predicate)


def _digests(subjects: Iterable[_Subject]) -> Iterator[str]:
    return (f"{algorithm}:{value}" for subject in subjects for algorithm, value in subject.digest.items())
