"""The result of an analysis in the object store: one document without the files, and one with them.

Documents are named by the digest of their content: written twice they are one, and never change.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol, TypeVar

import msgspec
import zstandard

from hullmark.app.vulns import MATCHING_READS
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import FileRecord, Inventory
from hullmark.model.limit import Limit
from hullmark.model.policy_facts import PolicyFacts
from hullmark.model.verdict import Finding, Verdict
from hullmark.policy.gate import FACETS, Need
from hullmark.policy.recount import replace_findings
from hullmark.scanning.facets import facets_for
from hullmark.scanning.fingerprint import analysis_fingerprint, code_fingerprint, read_fingerprint
from hullmark.scanning.request import ScanResources
from hullmark.scanning.stored_image import StoredImage
from hullmark.server.objects.objects import Objects
from hullmark.server.stories.images.reached import reach_fingerprint

_MAX_BYTES = Limit(4 << 30, "bytes of a stored document", "refused")
_FRESH = timedelta(hours=1)
_T = TypeVar("_T")


class StoredAnalysis(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about an image but its files, which `files` names ("": they were not listed).

    `image` and `inventory` have their settings without secrets. `found` is what MATCHING_READS took, by their names and by path. `reach`
    names what is kept of what the start reaches ("": nobody looked).
    """

    image: StoredImage
    inventory: Inventory
    facts: PolicyFacts
    found: dict[str, dict[str, Any]] = {}
    files: str = ""
    reach: str = ""


@cache
def fingerprint() -> str:
    """Names the extractors of this program, by their code and what they read: an image that others analysed is analysed again.

    What malware scanners know is not part of it: their signatures change every day.
    """
    with facets_for(FACETS - {Need.MALWARE}, ScanResources()) as facets:
        reads = (*MATCHING_READS, *(read for facet in facets for read in facet.reads))
    # Documents also depend on parsers and on the wording of problems, which no layer's record knows.
    return analysis_fingerprint(
        (
            *map(read_fingerprint, reads),
            code_fingerprint(
                ("model/licences", "scanning/rooms", "facets", "catalog/licences", "catalog/relations", "versions")
            ),
            reach_fingerprint(),
        )
    )


def put_document(objects: Objects, room: str, value: object) -> str:
    """Keep a value; returns the key of its document."""
    payload = msgspec.msgpack.encode(value)
    key = f"{room}/{hashlib.sha256(payload).hexdigest()}"
    head = objects.head(key)
    # An old one may be about to be removed because nothing names it yet.
    if head is None or datetime.now(UTC) - head.modified > _FRESH:
        objects.put(key, zstandard.ZstdCompressor(level=3).compress(payload))
    return key


def get_document(objects: Objects, key: str, kind: type[_T]) -> _T:
    """The value of a document. Raises HullmarkError if it is not there or is not what its name says."""
    stored = objects.get(key)
    if stored is None:
        raise HullmarkError(
            f"the document {key} is missing from the object store", advice="restore it, or analyse again"
        )
    try:
        payload = zstandard.ZstdDecompressor().decompress(stored, max_output_size=_MAX_BYTES)
        if hashlib.sha256(payload).hexdigest() != key.rpartition("/")[2]:
            raise HullmarkError(f"the document {key} is damaged", advice="restore it, or analyse the image again")
        return msgspec.msgpack.decode(payload, type=kind)
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise HullmarkError(f"the document {key} cannot be read: {error}", advice="analyse the image again") from error


def put_analysis(objects: Objects, analysis: StoredAnalysis, files: tuple[FileRecord, ...] | None) -> tuple[str, str]:
    """Keep an analysis and its files; returns the keys of both ("" where no files were listed)."""
    key = put_document(objects, "files", files) if files is not None else ""
    return put_document(objects, "analyses", msgspec.structs.replace(analysis, files=key)), key


def get_analysis(objects: Objects, key: str) -> StoredAnalysis:
    """The analysis of a key. Raises HullmarkError."""
    return get_document(objects, key, StoredAnalysis)


def get_files(objects: Objects, analysis: StoredAnalysis) -> tuple[FileRecord, ...] | None:
    """The files of an analysis, None if they were not listed. Raises HullmarkError."""
    return get_document(objects, analysis.files, tuple[FileRecord, ...]) if analysis.files else None


class KeptVerdict(Verdict, frozen=True, kw_only=True):
    """A verdict as it is kept. `first_seen`: since when its findings are known, by their trigger_id; of those left out, since it was made.

    `running_since` is the moment that grace went by, `extractors` the fingerprint of those that the image was read by.
    """

    first_seen: dict[str, datetime] = msgspec.field(default_factory=dict)
    running_since: datetime | None = None
    extractors: str = ""


class Changes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Findings that came and went since the document of a verdict was written: `lost` are (rule id, trigger id), and went before `gained`
    came. A finding that says something else now is lost and gained. `policy` is the digest of the policy that judges since ("": that of
    the document), `rules` how many rules it has."""

    gained: tuple[Finding, ...] = ()
    lost: tuple[tuple[str, str], ...] = ()
    policy: str = ""
    rules: int = 0


class VerdictDocument(Protocol):
    """What is written down of a verdict beside its document, as a VerdictRow."""

    @property
    def document(self) -> str:
        """The document's key."""

    @property
    def changes(self) -> Any:
        """Changes as JSON; None: the document says all."""

    @property
    def at(self) -> datetime:
        """The moment that counted as now."""

    @property
    def snapshot_digest(self) -> str:
        """The advisories that were matched with."""


def put_verdict(objects: Objects, verdict: Verdict) -> str:
    """Keep the findings of a verdict, without the moment of judging: equal verdicts are one document."""
    timeless = msgspec.structs.replace(verdict, inputs=msgspec.structs.replace(verdict.inputs, at=""))
    return put_document(objects, "verdicts", timeless)


def verdict_at(objects: Objects, row: VerdictDocument) -> KeptVerdict:
    """The verdict that was written down, with its moment, as it is with what came and went since. Raises HullmarkError."""
    kept = get_document(objects, row.document, KeptVerdict)
    # As `policy.evaluate` writes moments: the document is the same bytes as on the command line.
    at = row.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    kept = msgspec.structs.replace(kept, inputs=msgspec.structs.replace(kept.inputs, at=at))
    if row.changes is None:
        return kept
    changes = msgspec.convert(row.changes, Changes)
    if changes.policy:
        kept = msgspec.structs.replace(kept, rule_count=changes.rules)
    policy = changes.policy or kept.inputs.policy
    inputs = msgspec.structs.replace(kept.inputs, snapshot=row.snapshot_digest or None, policy=policy)
    return msgspec.structs.replace(replace_findings(kept, changes.gained, changes.lost), inputs=inputs)
