"""Is an entry in a transparency log, and since when? (Rekor's signed entry timestamps; RFC 6962, section 2.1.1; the C2SP's signed notes and
checkpoints, c2sp.org/signed-note and c2sp.org/tlog-checkpoint.)
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta

import msgspec

from hullmark.model.limit import Limit
from hullmark.proof.sigstore.material import InclusionProof, LogEntry
from hullmark.proof.sigstore.refusal import NotVerified
from hullmark.proof.sigstore.trusted_root import Log

_MOST_SIGNATURES = Limit(16, "signatures of a log's checkpoint", "refused")
_LONGEST = Limit(1 << 16, "characters of a log's checkpoint", "refused")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_SECONDS = 253_402_300_799  # the end of the year 9999
_HINT = 4
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}").fullmatch


def moment_of(entry: LogEntry, logs: tuple[Log, ...], *, needs_proof: bool) -> datetime | None:
    """When the log took an entry, which is proven to be in it or promised to be; None where the log's signature is not over a time.

    Raises NotVerified: what the entry brings along must all be right, and it must bring enough.
    """
    known = [log for log in logs if log.id == entry.log_id]
    if not known:
        raise NotVerified("its log entry is of a log that the trusted root does not name")
    if entry.proof is None and (needs_proof or not entry.promise):
        raise NotVerified("its log entry brings no proof that it is in the log")
    if entry.proof is not None:
        _check_proof(entry, entry.proof, known)
    if not entry.promise:
        return None
    if entry.seconds > _MOST_SECONDS:
        raise NotVerified("its log entry has a time that is not valid")
    at = _EPOCH + timedelta(seconds=entry.seconds)
    promised = [log for log in known if log.key.has_signed(_encode_promise(entry), entry.promise)]
    if not promised:
        raise NotVerified("its log entry is not signed by the log")
    if not any(log.span.covers(at) for log in promised):
        raise NotVerified(f"its log did not count at {at:%Y-%m-%dT%H:%M:%SZ}, by the trusted root")
    return at


def _encode_promise(entry: LogEntry) -> bytes:
    """What the signed entry timestamp is over: canonical JSON (RFC 8785)."""
    document = {
        "body": base64.b64encode(entry.body).decode(),
        "integratedTime": entry.seconds,
        "logID": entry.log_id.hex(),
        "logIndex": entry.index,
    }
    return msgspec.json.encode(document, order="sorted")


def _check_proof(entry: LogEntry, proof: InclusionProof, logs: list[Log]) -> None:
    root = root_of(entry.body, proof)
    if proof.root and proof.root != root:
        raise NotVerified("its inclusion proof leads to another root than it names")
    if not proof.checkpoint:
        raise NotVerified("its inclusion proof has no checkpoint that the log signed")
    size, signed_root = _checkpoint(proof.checkpoint, logs)
    if (size, signed_root) != (proof.size, root):
        raise NotVerified("its inclusion proof does not lead to the log's checkpoint")


def root_of(leaf: bytes, proof: InclusionProof) -> bytes:
    """The root of the tree that a leaf is in, by a proof (RFC 9162, section 2.1.3.2). Raises NotVerified for a proof of another length."""
    if not 0 <= proof.index < proof.size:
        raise NotVerified("its inclusion proof is about a leaf that is not in the tree")
    number, last = proof.index, proof.size - 1
    root = hashlib.sha256(b"\0" + leaf).digest()
    for other in proof.hashes:
        if last == 0 or len(other) != hashlib.sha256().digest_size:
            raise NotVerified("its inclusion proof does not fit the size of the tree")
        if number & 1 or number == last:
            root = hashlib.sha256(b"\1" + other + root).digest()
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            root = hashlib.sha256(b"\1" + root + other).digest()
        number, last = number >> 1, last >> 1
    if last:
        raise NotVerified("its inclusion proof does not fit the size of the tree")
    return root


def _checkpoint(text: str, logs: list[Log]) -> tuple[int, bytes]:
    """The size and the root that a checkpoint names, if one of the logs signed it. Raises NotVerified."""
    note, separator, signatures = text[:_LONGEST].rpartition("\n\n")
    lines = f"{note}\n".split("\n")
    if not separator or len(lines) < 4 or _NUMBER(lines[1]) is None:
        raise NotVerified("its checkpoint cannot be read")
    signed = f"{note}\n".encode("utf-8", "replace")
    if not any(_has_signed(line, signed, logs) for line in signatures.splitlines()[:_MOST_SIGNATURES]):
        raise NotVerified("its checkpoint is not signed by the log")
    try:
        return int(lines[1]), base64.b64decode(lines[2], validate=True)
    except ValueError as error:
        raise NotVerified("its checkpoint cannot be read") from error


def _has_signed(line: str, note: bytes, logs: list[Log]) -> bool:
    dash, _, rest = line.partition(" ")
    try:
        signature = base64.b64decode(rest.rpartition(" ")[2], validate=True)
    except ValueError:
        return False
    return dash == "\u2014" and any(
        signature[:_HINT] == log.id[:_HINT] and log.key.has_signed(note, signature[_HINT:]) for log in logs
    )
