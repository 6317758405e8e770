"""What a policy needs → what a scan must deliver, and back."""

from __future__ import annotations

from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.needs import Needs
from hullmark.scanning.request import ScanRequest, ScanResult


def request_for(wanted: Needs) -> ScanRequest:
    """What a scan must collect, except for facets. With contents the list of files tells which of them could not be read."""
    return ScanRequest(
        files=wanted.files or bool(wanted.contents),
        digests=wanted.digests,
        ghosts=wanted.ghosts,
        reach=wanted.reach,
        contents=tuple(_read_glob(glob) for glob in wanted.contents),
    )


def _read_glob(glob: PathGlob) -> str:
    """A policy's glob as the reading of layers has it: there, brackets and braces are wild too."""
    text = glob.text if glob.text.startswith("/") else "/**/" + glob.text
    if text.endswith("/"):
        text += "**"
    return text[1:].replace("[", "[[]").replace("{", "[{]").replace("}", "[}]")


def contents_of(scanned: ScanResult, wanted: Needs) -> dict[str, bytes | None]:
    """The bodies that were requested; None for those that are there but were not read."""
    contents: dict[str, bytes | None] = dict(scanned.contents)
    globs = PathGlobs(wanted.contents)
    for file in scanned.inventory.files or ():
        if file.type == "file" and file.state not in ("missing", "ghost") and globs.match(file.path):
            contents.setdefault(file.path, None)
    return contents
