"""What Apache httpd refuses to start with: directives of modules that are not loaded, misplaced directives, invalid values."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hullmark.facets.configuration.apache_directives import FLAGS, KNOWN, SOURCES, WORDS
from hullmark.facets.configuration.apache_grammar import MODULES, ONLY_INSIDE, ONLY_OUTSIDE
from hullmark.facets.configuration.apache_reader import ApacheReader, DirectiveWords, Section
from hullmark.facets.configuration.parser import Files
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Remark

_USUAL = ("/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf", "/usr/local/apache2/conf/httpd.conf")
"""Builds in which next to nothing is compiled in, so that what is loaded is known."""

_INNER = frozenset(("directory", "directory_match", "files", "files_match", "if", "location", "location_match"))
_OUTER = frozenset(("", "virtual_host"))
_ALSO_OF = {"mod_cgid.c": ("mod_cgi.c",)}
_EVERYWHERE = re.compile(r"(?:mod_|util_)?(?:core|event|http_core|prefork|so|worker)\.c").fullmatch
_COMMON = re.compile(
    r"(?:mpm|lbmethod|proxy|slotmem|socache|authn|authz|auth|cache|session|dav|log)_\w+_module"
).fullmatch
_WITHOUT_DIRECTIVES = frozenset(
    (
        "version_module",
        "asis_module",
        "cgi_module",
        "data_module",
        "ratelimit_module",
        "status_module",
        "unique_id_module",
    )
)
_MOST = Limit(50, "directives that Apache httpd refuses and that are listed", "shortened")


def tell_refusals(files: Files, reader: ApacheReader, main: str) -> None:
    """Report what the server says no to. Of many only the first are told: it ends at the first one."""
    if main not in _USUAL or not any(module.startswith("mpm_") for module in reader.modules):
        return  # what is compiled in is not known
    for number, (written, reason) in enumerate(_refusals(reader, reader.top, frozenset())):
        if number >= _MOST:
            return
        files.problem(written.path, Remark(reason), written.line)


def _refusals(reader: ApacheReader, section: Section, around: frozenset[str]) -> Iterator[tuple[DirectiveWords, str]]:
    kinds = around | {section.kind}
    for name, directives in section.directives.items():
        for written in directives:
            reason = "" if written.path.endswith("/.htaccess") else _refusal(reader, name, written, kinds)
            if reason:
                yield written, f"httpd refuses to start: {reason}"
    for inner in section.sections.values():
        yield from _refusals(reader, inner, kinds)


def _refusal(reader: ApacheReader, name: str, written: DirectiveWords, kinds: frozenset[str]) -> str:
    lower = name.lower()
    sources = MODULES.get(lower)
    if sources is None:
        is_unknown = lower not in KNOWN and _has_only_common_modules(reader)
        return f"the directive {name[:100]} is not known" if is_unknown else ""
    if not any(_is_loaded(reader, source) for source in sources):
        return f"{name} is of a module that is not loaded ({', '.join(sorted(sources))})"
    if lower in ONLY_OUTSIDE and kinds & _INNER:
        return f"{name} may not stand in a section for folders, files or locations"
    if lower in ONLY_INSIDE and kinds <= _OUTER:
        return f"{name} may only stand in a section for folders, files or locations"
    if name in FLAGS and (len(written.words) != 1 or written.words[0].lower() not in ("on", "off")):
        return f"{name} must be On or Off"
    words = WORDS.get(name)
    if words is not None and len(written.words) == 1 and written.words[0].lower() not in words:
        return f"{name} cannot be {written.words[0][:100]}"
    return ""


def _is_loaded(reader: ApacheReader, source: str) -> bool:
    if _EVERYWHERE(source):
        return True
    names = (source, *_ALSO_OF.get(source, ()))
    return any(
        SOURCES.get(name, name.removeprefix("mod_").removesuffix(".c") + "_module") in reader.modules for name in names
    )


def _has_only_common_modules(reader: ApacheReader) -> bool:
    """Whether all modules are httpd's own, so that every directive is known."""
    own = {
        SOURCES.get(name, name.removeprefix("mod_").removesuffix(".c") + "_module")
        for names in MODULES.values()
        for name in names
    }
    return len(reader.modules) > len(_WITHOUT_DIRECTIVES) // 2 and all(
        module in own or module in _WITHOUT_DIRECTIVES or _COMMON(module) for module in reader.modules
    )
