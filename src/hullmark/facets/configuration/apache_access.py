""".htaccess files: what counts of them, in which folders (Apache httpd 2.4, AllowOverride and AllowOverrideList).

A file counts in a folder that the server may give out of, as far as AllowOverride lets it there; what it sets wins over the folder's
sections. Directives of a kind that is not allowed there do not count: the server answers with an error.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from hullmark.facets.configuration.apache_directives import OVERRIDES
from hullmark.facets.configuration.apache_grammar import MODULES, OVERRIDE_OF
from hullmark.facets.configuration.apache_reader import ApacheReader, Section, folder_path
from hullmark.facets.configuration.parser import Files

_WILD = re.compile(r"[*?\[]").search
_USUAL = (".htaccess",)
_SERVED = ("DocumentRoot", "Alias", "ScriptAlias", "WSGIScriptAlias")
_PATTERNS = ("directory_match",)

_OF_PHP = {"php_flag": "Options", "php_value": "Options"}
"""What the module for PHP adds."""


def add_access_files(files: Files, reader: ApacheReader) -> None:
    """Read the files that count into the sections of their folders."""
    hosts = [
        (reader.top,),
        *((reader.top, inner) for inner in reader.top.sections.values() if inner.kind == "virtual_host"),
    ]
    if not any(_allows_overrides(section) for host in hosts for section in _folders(host)) and not _allows_overrides(
        reader.top
    ):
        return
    names = _words(reader.top, "AccessFileName") or _USUAL
    for name in names:
        if name not in _USUAL:
            written = reader.top.directives["AccessFileName"][-1]
            files.problem(
                written.path,
                f"files named {name[:100]} in its folders are only read where they were kept",
                written.line,
            )
    served = {folder for host in hosts for folder in _list_served_folders(host)}
    for path in sorted(
        (path for name in names for path in files.named(name)), key=lambda path: (path.count("/"), path)
    ):
        folder = folder_path(posixpath.dirname(path))
        if any(folder == base or folder.startswith(base.rstrip("/") + "/") for base in served):
            _add(reader, hosts, path, folder)


def _add(reader: ApacheReader, hosts: list[tuple[Section, ...]], path: str, folder: str) -> None:
    """Read one file into the folder's section of the server, and of each virtual host that has one of its own."""
    identity = f"directory {folder}"
    for host in hosts:
        if len(host) > 1 and identity not in host[-1].sections and _overrides(hosts[0], folder):
            continue
        allowed = _overrides(host, folder)
        if not allowed:
            continue
        around = host[-1]
        known = around.sections.get(identity)
        section = known or Section(f"{around.key}.directory[{folder}]", "directory", folder, path, 1, {}, {}, {})
        scratch = Section(section.key, "directory", folder, path, 1, {}, dict(section.sections), dict(section.counts))
        reader.read_access_file(path, scratch)
        for name, written in scratch.directives.items():
            if is_allowed(name, allowed):
                section.directives.setdefault(name, []).extend(written)
        section.sections.update(scratch.sections)
        section.counts.update(scratch.counts)
        if section.directives or section.sections:
            around.sections[identity] = section


def is_allowed(name: str, allowed: frozenset[str]) -> bool:
    """Whether a directive may stand in .htaccess where these kinds, or this one by its name, are allowed."""
    lower = name.lower()
    kinds = _OF_PHP.get(lower, OVERRIDE_OF.get(lower))
    if kinds is None:
        return lower in allowed or lower not in MODULES  # what modules of others add is taken to be allowed
    return lower in allowed or not kinds or not allowed.isdisjoint(kinds.split(" or "))


def _overrides(host: tuple[Section, ...], folder: str) -> frozenset[str]:
    """What a folder's files may change: kinds of directives, and names of directives in small letters."""
    found: dict[str, frozenset[str]] = {"AllowOverride": _kinds(host), "AllowOverrideList": _read_override_list(host)}
    parts = [part for part in folder.split("/") if part]
    for depth in range(len(parts) + 1):
        above = "/" + "/".join(parts[:depth])
        for section in _folders(host):
            if section.kind not in _PATTERNS and _fits(section.argument, above):
                found |= _own(section)
    for section in _folders(host):
        if section.kind in _PATTERNS and _allows_overrides(section):
            found["AllowOverride"] |= frozenset(
                OVERRIDES
            )  # which folders an expression means is not looked at: it may be this one
    return found["AllowOverride"] | found["AllowOverrideList"]


def _own(section: Section) -> Mapping[str, frozenset[str]]:
    own = {}
    if "AllowOverride" in section.directives:
        own["AllowOverride"] = _kinds((section,))
    if "AllowOverrideList" in section.directives:
        own["AllowOverrideList"] = _read_override_list((section,))
    return own


def _kinds(host: tuple[Section, ...]) -> frozenset[str]:
    """The kinds of directives of the last AllowOverride. `Options=…` allows those, `Nonfatal=…` nothing more."""
    found: set[str] = set()
    for word in next((words for section in reversed(host) if (words := _words(section, "AllowOverride"))), ()):
        lower = word.lower().partition("=")[0]
        found.update(kind for kind in OVERRIDES if lower in ("all", kind.lower()))
    return frozenset(found)


def _read_override_list(host: tuple[Section, ...]) -> frozenset[str]:
    words = next((words for section in reversed(host) if (words := _words(section, "AllowOverrideList"))), ())
    return frozenset(word.lower() for word in words if word.lower() != "none")


def _allows_overrides(section: Section) -> bool:
    return bool(_kinds((section,)) or _read_override_list((section,)))


def _folders(host: tuple[Section, ...]) -> Iterator[Section]:
    for section in host:
        yield from (inner for inner in section.sections.values() if inner.kind in ("directory", *_PATTERNS))


def _fits(argument: str, folder: str) -> bool:
    """Whether a section's folder is this one; a wildcard stands for no slash."""
    wanted, there = (text.strip("/").split("/") for text in (argument, folder))
    if not _WILD(argument):
        return folder_path(argument) == folder
    return len(wanted) == len(there) and all(
        fnmatchcase(name, pattern) for name, pattern in zip(there, wanted, strict=True)
    )


def _list_served_folders(host: tuple[Section, ...]) -> Iterator[str]:
    """Folders that the server may give files out of."""
    for section in host:
        for name in _SERVED:
            yield from (folder_path(one.words[-1]) for one in section.directives.get(name, ()) if one.words)
    for section in _folders(host):
        base = _WILD(section.argument)
        path = section.argument[: base.start()].rpartition("/")[0] if base else section.argument
        if folder_path(path) != "/" and section.kind not in _PATTERNS:
            yield folder_path(path)


def _words(section: Section, name: str) -> tuple[str, ...]:
    written = section.directives.get(name)
    return written[-1].words if written else ()
