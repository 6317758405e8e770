"""The rpm repositories that an image names: the enabled ones of dnf, and the content sets of Red Hat's images.

Formats: `*.repo` files (dnf.conf(5): a section for each repository, `enabled` is yes where nothing else is said), and content
manifests, JSON objects whose `content_sets` are ids of repositories. Red Hat's build systems put one for each image of the chain into
/root/buildinfo/content_manifests, since 2025 one `content-sets.json` there and in /usr/share/buildinfo.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

import msgspec

from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import LocatedFact, Read, Report

F = TypeVar("F")

_MAX_BYTES = Limit(1 << 20, "bytes of a file that names rpm repositories")
_MAX_IDS = Limit(1024, "rpm repositories that an image names")
_IDENTIFIER = late(r"[A-Za-z0-9._:$@{}+-]{1,200}").fullmatch
_YES = frozenset(("1", "yes", "true", "on"))


class Files(Protocol):
    """The part of a View that names the repositories."""

    def facts(self, read: Read[F]) -> Iterator[LocatedFact[F]]:
        """Each visible file that a read took a fact from, sorted by path."""

    def problem(self, path: str, reason: str) -> None:
        """Put a Problem about a path into the result."""


class _Manifest(msgspec.Struct):
    content_sets: list[str] | None = None


def parse_repo(path: str, body: memoryview, report: Report) -> tuple[str, ...] | None:
    """The ids of the enabled repositories of a `.repo` file; None if it names none. `[main]` is dnf's own configuration."""
    enabled: dict[str, bool] = {}
    section = ""
    for line in bytes(body).decode("utf-8", "replace").splitlines():
        text = line.strip()
        if text.startswith("["):
            section = text[1:].partition("]")[0].strip()
            if section != "main":
                enabled.setdefault(section, True)
        elif not line[:1].isspace():
            key, is_set, value = text.partition("=")
            if is_set and key.rstrip() == "enabled" and section in enabled:
                enabled[section] = value.strip().lower() in _YES
    return _filter_ids((identifier for identifier, is_enabled in enabled.items() if is_enabled), report)


def parse_manifest(path: str, body: memoryview, report: Report) -> tuple[str, ...] | None:
    """The content sets of a manifest; None if it has none, and for files that are not JSON by their name."""
    if not path.endswith(".json"):
        return None
    try:
        manifest = msgspec.json.decode(body, type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        report(f"its content sets cannot be read: {error}")
        return None
    return _filter_ids(iter(manifest.content_sets or ()), report)


def _filter_ids(ids: Iterator[str], report: Report) -> tuple[str, ...] | None:
    """The valid ids, without repeats; what is left out is reported."""
    found = dict.fromkeys(ids)
    kept = [identifier for identifier in found if _IDENTIFIER(identifier)]
    if len(kept) < len(found):
        report(f"{len(found) - len(kept)} id(s) of repositories in this file are none and were not read")
    if len(kept) > _MAX_IDS:
        report(f"it names more than {_MAX_IDS} repositories; the others were not read")
    return tuple(kept[:_MAX_IDS]) or None


REPO: Read[tuple[str, ...]] = Read(
    name="rpm-repositories",
    fact=tuple[str, ...],
    extract=parse_repo,
    globs=("etc/yum.repos.d/*.repo", "etc/yum/repos.d/*.repo", "etc/distro.repos.d/*.repo"),
    limit=_MAX_BYTES,
)
MANIFEST: Read[tuple[str, ...]] = Read(
    name="content-sets",
    fact=tuple[str, ...],
    extract=parse_manifest,
    globs=("root/buildinfo/content_manifests/*", "usr/share/buildinfo/*"),
    limit=_MAX_BYTES,
)
REPOSITORY_READS: tuple[Read[Any], ...] = (REPO, MANIFEST)


def repositories_of(view: Files) -> tuple[str, ...]:
    """The ids of the repositories that the image names, sorted, without repeats; at most 1,024."""
    found = sorted({identifier for read in (REPO, MANIFEST) for file in view.facts(read) for identifier in file.fact})
    if len(found) > _MAX_IDS:
        view.problem("etc/yum.repos.d", f"the image names more than {_MAX_IDS} repositories; the others do not count")
    return tuple(found[:_MAX_IDS])
