"""The files that dpkg's packages own: NAME.list, NAME.md5sums, Conffiles and diversions (dpkg's info folder, deb-md5sums(5)).

Those records themselves, and the scripts beside them, are the package's too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import chain

import msgspec

from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import OwnedFile
from hullmark.rootfs.reads import Read, Report

_MD5 = late(r"[0-9a-f]{32}").fullmatch
_MD5_LINE = late(r"^(\\?)([0-9a-f]{32})[ \t]+\*?/*+(?:\./+)?+([^\n]+)", re.MULTILINE)
_ESCAPE = late(r"\\([\\nr])")
_ESCAPED = {"\\": "\\", "n": "\n", "r": "\r"}
_BESIDE = (
    ".conffiles", ".triggers", ".shlibs", ".symbols", ".templates", ".config", ".preinst", ".postinst", ".prerm", ".postrm",
)  # fmt: skip
"""The records that dpkg keeps for a package besides its list and digests."""
_STANZAS = (("/status.d/", ""), ("/opkg/info/", ".control"))
"""Folders whose packages have a file of their own for their stanza, and how its name ends."""
_FLAGS = ("obsolete", "remove-on-upgrade")


def _raw(path: str, body: memoryview, report: Report) -> bytes:
    return bytes(body)


LIST: Read[bytes] = Read(
    name="dpkg-list",
    fact=bytes,
    extract=_raw,
    globs=("**/dpkg/info/*.list", "**/dpkg/status.d/*.list", "**/lib/opkg/info/*.list"),
)
MD5SUMS: Read[bytes] = Read(
    name="dpkg-md5sums",
    fact=bytes,
    extract=_raw,
    globs=("**/dpkg/info/*.md5sums", "**/dpkg/status.d/*.md5sums"),
)
DIVERSIONS: Read[bytes] = Read(name="dpkg-diversions", fact=bytes, extract=_raw, globs=("**/dpkg/diversions",))


class Diversions(msgspec.Struct, frozen=True):
    """Diverted paths: path → (the new place, the package that may still use the path)."""

    moved: Mapping[str, tuple[str, str]]

    def for_package(self, name: str) -> dict[str, str]:
        """Path → the place of this package's file with that path. A package's own diversions do not move its files."""
        return {path: to for path, (to, by) in self.moved.items() if by != name}


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Whose files to list, and from what.

    `stems` are the paths that the record's files have before `.list` and `.md5sums`, the first that is there counts. `moved` is
    path → place, `root` the folder that the record's paths begin at ("" or with a slash at its end).
    """

    stems: Sequence[str]
    conffiles: bytes
    owner: str
    moved: Mapping[str, str]
    root: str = ""


def diversions(view: View, path: str) -> Diversions:
    """The diversions file at `path`: three lines each of path, new place and package (`:` for the administrator's)."""
    found = view.fact_at(DIVERSIONS, path)
    lines = _text(found.fact).removesuffix("\n").split("\n") if found is not None and found.fact else []
    if found is not None and len(lines) % 3:
        view.problem(found.path, "the diversions do not come in threes of lines; the last was not read")
    triples = zip(lines[0::3], lines[1::3], lines[2::3], strict=False)
    return Diversions({frm.lstrip("/"): (to.lstrip("/"), by) for frm, to, by in triples if frm and to})


def list_claimed_files(view: View, claim: Claim) -> Iterator[OwnedFile]:
    """The files of one package: those of its list, or else of its md5sums, and its Conffiles, each with its digest.

    Conffiles that newer versions no longer ship may be missing. Then the package's records, where present.
    """
    summed, sums = _body(view, MD5SUMS, claim.stems)
    has_list, listing = _body(view, LIST, claim.stems)
    digests = _digests(sums)
    conffiles = _conffiles(claim.conffiles)
    owner, moved, root = claim.owner, claim.moved, claim.root
    listed: dict[str, None] = dict.fromkeys(_paths(listing))
    if not listed:
        listed.update(dict.fromkeys(digests))
    listed.update(dict.fromkeys(conffiles))
    outside = 0
    for path in listed:
        if ".." in path and ".." in path.split("/"):
            outside += 1
            continue
        place = root + moved.get(path, path)
        digest = digests.get(path, "")
        if path in conffiles:
            md5, ghost = conffiles[path]
            digest = md5 or digest
            yield OwnedFile(place, owner, "md5" if digest else "", digest, True, ghost, "f")
        elif digest:
            yield OwnedFile(place, owner, "md5", digest, False, False, "f")
        else:
            yield OwnedFile(place, owner)
    if outside:
        view.problem(claim.stems[0] + ".list", f"{outside} path(s) of this package leave the root and were not read")
    for stem, kind in ((has_list, ".list"), (summed, ".md5sums")):
        if stem:
            yield OwnedFile(stem + kind, owner)
    for path in _beside(view, has_list or summed):
        yield OwnedFile(path, owner)


def claimed_names(view: View, claim: Claim, names: Set[str]) -> Iterator[OwnedFile]:
    """The files whose last segment is among the names, without digests and without the package's own records."""
    _, listing = _body(view, LIST, claim.stems)
    if not listing or ".." in listing:  # then what is claimed needs a closer look
        yield from (file for file in list_claimed_files(view, claim) if file.path.rpartition("/")[2] in names)
        return
    moved, root, owner = claim.moved, claim.root, claim.owner
    if "\t" not in listing:
        # An image lists a hundred thousand files, and few have a name that is asked for, or are moved to one.
        wanted = {*names, *(path.rpartition("/")[2] for path in moved)} if moved else names
        lines = [line for line in listing.split("\n") if line[line.rfind("/") + 1 :] in wanted]
        listing = "\n".join(lines)
    for path in chain(_paths(listing), _conffiles(claim.conffiles)):
        place = moved.get(path, path) if moved else path
        if place.rpartition("/")[2] in names:
            yield OwnedFile(root + place, owner)


def _beside(view: View, stem: str) -> Iterator[str]:
    if stem:
        kinds = (*_BESIDE, *(kind for folder, kind in _STANZAS if folder in stem))
        yield from (stem + kind for kind in kinds if view.exists(stem + kind))


def _body(view: View, read: Read[bytes], stems: Sequence[str]) -> tuple[str, str]:
    """The stem that has this record, and its text; both empty where none has it."""
    suffix = ".list" if read is LIST else ".md5sums"
    for stem in stems:
        found = view.fact_at(read, stem + suffix)
        if found is not None:
            return stem, _text(found.fact)
    return "", ""


def _text(body: bytes) -> str:
    # Names may be any bytes: so they come out as they are in the tree.
    return body.decode("utf-8", "surrogateescape")


def _paths(text: str) -> Iterator[str]:
    if "\t" in text:
        # opkg writes a mode, and a link's target, after the path.
        text = re.sub(r"\t[^\n]*", "", text)
    for line in text.split("\n"):
        path = line[1:] if line[:1] == "/" else line
        if path and path != ".":
            yield path


def _digests(text: str) -> dict[str, str]:
    if "\\" not in text:
        return {path: digest for _, digest, path in _MD5_LINE.findall(text)}
    return {
        _ESCAPE.sub(lambda match: _ESCAPED[match[1]], path) if escaped else path: digest
        for escaped, digest, path in _MD5_LINE.findall(text)
    }


def _conffiles(lines: bytes) -> dict[str, tuple[str, bool]]:
    """Path → (md5, or "" where there is none; whether the file may be missing)."""
    conffiles: dict[str, tuple[str, bool]] = {}
    for line in _text(lines).split("\n"):
        rest, ghost = line.strip(), False
        while rest.endswith(_FLAGS):
            rest, ghost = rest.rpartition(" ")[0].rstrip(), True
        path, _, digest = rest.rpartition(" ")
        path = path.strip().lstrip("/")
        if path:
            conffiles[path] = (digest if _MD5(digest) else "", ghost)
    return conffiles
