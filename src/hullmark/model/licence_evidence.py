"""Where a licence of a package was found: in a field of its record, or in the text of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from hullmark.model.late import late

EvidenceKind = Literal["declared", "found"]
"""Whether the package's record says so, or a text was recognised."""


class LicenceEvidence(msgspec.Struct, frozen=True, order=True, gc=False, kw_only=True):
    """One place that shows a licence.

    `license` is as in the record, or the SPDX identifier of the text. `field` is the record's field (for a text: the field that names its
    file, or the name that the record gives the text; "": none), `path` the file (in an archive `/app/shop.jar:META-INF/LICENSE`; "": not
    known), `layer` the index of its layer (-1: not known). For a text: its first and last line, from 1, and how much of the licence's
    original text it contains, in per cent (0: not known).
    """

    license: str
    kind: EvidenceKind
    field: str = ""
    path: str = ""
    layer: int = -1
    first_line: int = 0
    last_line: int = 0
    share: int = 0


_SENTENCE = late(
    r"(?P<kind>declared|found): (?P<license>.+?)"
    r"(?: \| field (?P<field>.+?))?(?: \| in (?P<path>.+?))?(?: \| layer (?P<layer>\d{1,9}))?"
    r"(?: \| lines (?P<first>\d{1,9}) to (?P<last>\d{1,9}))?(?: \| (?P<share>\d{1,3}) %)?",
    re.DOTALL,
).fullmatch


def sentence(evidence: LicenceEvidence) -> str:
    """The evidence as text, for formats without a field for it: `found: MIT | in /app/LICENSE | layer 2 | lines 1 to 21 | 100 %`."""
    parts = [
        f"{evidence.kind}: {evidence.license}",
        f"field {evidence.field}" if evidence.field else "",
        f"in {evidence.path}" if evidence.path else "",
        f"layer {evidence.layer}" if evidence.layer >= 0 else "",
        f"lines {evidence.first_line} to {evidence.last_line}" if evidence.first_line else "",
        f"{evidence.share} %" if evidence.share else "",
    ]
    return " | ".join(" ".join(part.splitlines()) for part in parts if part)


def read_sentence(text: str) -> LicenceEvidence | None:
    """The evidence in such a text; None for any other text."""
    found = _SENTENCE(text)
    if found is None:
        return None
    return LicenceEvidence(
        license=found["license"],
        kind="declared" if found["kind"] == "declared" else "found",
        field=found["field"] or "",
        path=found["path"] or "",
        layer=int(found["layer"] or -1),
        first_line=int(found["first"] or 0),
        last_line=int(found["last"] or 0),
        share=int(found["share"] or 0),
    )


def make_evidence(
    licences: Iterable[str], field: str, path: str, layer: int, kind: EvidenceKind = "declared"
) -> tuple[LicenceEvidence, ...]:
    """Evidence that one field, or one file, shows all of these licences."""
    return tuple(
        LicenceEvidence(license=licence, kind=kind, field=field, path=path, layer=layer) for licence in licences
    )
