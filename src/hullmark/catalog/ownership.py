"""Every file of the tree, with its owner and whether it is still what the owner's record says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.model.inventory import FileRecord
from hullmark.model.package import OwnedFile
from hullmark.rootfs.entry import KINDS, MD5_BYTES, SHA256_BYTES, Entry, text
from hullmark.rootfs.tree import Tree

_MD5_AT = SHA256_BYTES
_SHA1_AT = SHA256_BYTES + MD5_BYTES
_DIGEST = {"sha256": slice(0, _MD5_AT), "md5": slice(_MD5_AT, _SHA1_AT), "sha1": slice(_SHA1_AT, None)}


def file_records(tree: Tree, claims: Iterable[tuple[bytes, OwnedFile]]) -> tuple[FileRecord, ...]:
    """One record for each file in the tree, each one deleted on the way (if the tree kept them), and each one missing.

    Sorted by path, then layer. `claims` are (real path, claim); of several claims to a path the first that has a digest
    counts, else the first.
    """
    by_path: dict[bytes, OwnedFile] = {}
    for path, claim in claims:
        known = by_path.get(path)
        if known is None or (not known.algorithm and claim.algorithm and not known.kind):
            by_path[path] = claim if known is None else _with_digest(known, claim)
    records = []
    for path, node in tree.nodes.items():
        owned = by_path.get(path)
        state = state_of(node.entry, owned)
        records.append(_record(path, node.entry, node.layer, None if owned is None else owned.owner, state))
    records += [_record(path, node.entry, node.layer, None, "ghost") for path, node, _ in tree.ghosts]
    records += _missing(tree, by_path)
    records.sort(key=lambda record: (record.path, record.layer, record.state))
    return tuple(records)


def _with_digest(owner: OwnedFile, digest: OwnedFile) -> OwnedFile:
    return OwnedFile(
        path=owner.path,
        owner=owner.owner,
        algorithm=digest.algorithm,
        digest=digest.digest,
        config=owner.config or digest.config,
        ghost=owner.ghost,
    )


def state_of(entry: Entry, claim: OwnedFile | None) -> str:
    """The state of a file that is there: ok, changed, config-changed, unverified or unowned."""
    if claim is None:
        return "unowned"
    kind = "f" if entry.kind == "h" else entry.kind
    if claim.ghost and not claim.algorithm:
        return "ok"
    if claim.kind and claim.kind != kind:
        return "config-changed" if claim.config else "changed"
    if kind == "l":
        is_same = not claim.link or claim.link.encode("utf-8", "surrogateescape") == entry.link
        return "ok" if is_same else "changed"
    if kind != "f":
        return "ok"
    if not claim.algorithm or not entry.digests:
        return "unverified"
    if entry.digests[_DIGEST[claim.algorithm]].hex() == claim.digest:
        return "ok"
    return "config-changed" if claim.config else "changed"


def _record(path: bytes, entry: Entry, layer: int, owner: str | None, state: str) -> FileRecord:
    return FileRecord(
        path="/" + text(path),
        type=KINDS["f" if entry.kind == "h" else entry.kind],
        mode=entry.mode,
        uid=entry.uid,
        gid=entry.gid,
        size=entry.size,
        sha256=entry.digests[_DIGEST["sha256"]].hex(),
        link=text(entry.link),
        layer=layer,
        owner=owner,
        state=state,
        capability=entry.capability.hex(),
        sha1=entry.digests[_DIGEST["sha1"]].hex(),
    )


def _missing(tree: Tree, claims: dict[bytes, OwnedFile]) -> Iterator[FileRecord]:
    for path, claim in claims.items():
        if claim.ghost or path in tree.nodes or tree.is_folder(path):
            continue
        yield FileRecord(
            path="/" + text(path),
            type={"d": "dir", "l": "symlink"}.get(claim.kind, "file"),
            mode=0,
            uid=0,
            gid=0,
            size=0,
            sha256="",
            link=claim.link,
            layer=-1,
            owner=claim.owner,
            state="missing",
        )
