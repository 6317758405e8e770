"""Where licences were told, as far as a document says it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hullmark.catalog.sbom.document import MAX_LIST, clip_text
from hullmark.model.licence_evidence import LicenceEvidence, read_sentence


def told_by(sentences: Iterable[str]) -> tuple[LicenceEvidence, ...]:
    """What Hullmark's own sentences say; others are passed over."""
    found = [piece for text in list(sentences)[:MAX_LIST] if (piece := read_sentence(text)) is not None]
    return tuple(dict.fromkeys(map(clip_evidence, found)))


def concluded_as(licences: Iterable[str]) -> tuple[LicenceEvidence, ...]:
    """Licences that another tool concluded, wherever from."""
    distinct = dict.fromkeys(text for text in licences if text.strip())
    return tuple(LicenceEvidence(license=clip_text(text), kind="found") for text in list(distinct)[:MAX_LIST])


def clip_evidence(evidence: LicenceEvidence) -> LicenceEvidence:
    """Evidence, with each text cut to a bounded length."""
    return msgspec.structs.replace(
        evidence,
        license=clip_text(evidence.license),
        field=clip_text(evidence.field),
        path=clip_text(evidence.path),
    )


def own_licences(listed: Iterable[str], evidence: Iterable[LicenceEvidence]) -> tuple[str, ...]:
    """The licences of a package as a scan has them: what is listed, without what only texts tell, but for texts of files that its record
    names. A text that the record has under a licence's name tells what that name means, and is not a licence beside it."""
    evidence = tuple(evidence)
    declared = {piece.license for piece in evidence if piece.kind == "declared"}
    named = dict.fromkeys(
        piece.license for piece in evidence if piece.kind == "found" and piece.field and piece.field not in declared
    )
    only_found = {piece.license for piece in evidence} - declared - named.keys()
    return tuple(dict.fromkeys((*(text for text in listed if text not in only_found), *named)))
