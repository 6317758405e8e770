"""OpenSSL: the configuration that every program reads that uses the library (config(5) of OpenSSL 3).

What is written is `openssl.<section>.<name>`. What the library itself acts on, the sections that `openssl_conf` leads to, stands
once more as `openssl.effective…`: `openssl.effective.ssl_conf.system_default.MinProtocol`,
`openssl.effective.providers.legacy.activate`. A second file, as of another build of the library, has its path in front, as in
`openssl.file[/usr/local/ssl/openssl.cnf].default.openssl_conf`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.facets.configuration.bracketed import BracketedNames
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.openssl_syntax import Entry, Sections, read_sections
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.written import MASK, number, without_password
from hullmark.model.setting import Setting, Value

_FILES = (
    "/usr/lib/ssl/openssl.cnf",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/openssl.cnf",
    "/usr/local/ssl/openssl.cnf",
    "/usr/local/etc/ssl/openssl.cnf",
    "/usr/local/lib/ssl/openssl.cnf",
    "/opt/openssl/ssl/openssl.cnf",
)
_DEPTHS = {
    "ssl_conf": 2,
    "providers": 2,
    "engines": 2,
    "alg_section": 1,
    "random": 1,
    "oid_section": 1,
    "stbl_section": 1,
}
"""The library's modules, and how deep the sections lie that they read."""
_SECRETS = frozenset(("input_password", "output_password", "PIN", "secret", "challengePassword_default"))


def _settings(files: Files) -> Iterable[Setting]:
    settings = SettingCollector(files, _FILES[0])
    names = BracketedNames()
    seen: list[str] = []
    for path in _places(files):
        real = files.real(path)
        if real is not None and real not in seen and files.status(path) is not None:
            prefix = f"openssl.file[{names.name(path)}]" if seen else "openssl"
            seen.append(real)
            _file(read_sections(files, path), prefix, settings)
    return settings.settings()


def _places(files: Files) -> tuple[str, ...]:
    """The files, first the one that OPENSSL_CONF names: programs that are started with it read no other."""
    word = files.environment("OPENSSL_CONF")
    if word is None or word.text == "":
        return _FILES
    if word.text is None or not word.text.startswith("/") or files.status(word.text) is None:
        files.problem(word.path, "OPENSSL_CONF names a file that is not in the image, or is not known", word.line)
        return _FILES
    return (word.text, *_FILES)


def _file(sections: Sections, prefix: str, settings: SettingCollector) -> None:
    for section, entries in sections.items():
        for name, entry in entries.items():
            settings.add(f"{prefix}.{section}.{name}", _convert_value(name, entry), entry.path, entry.line)
    start = sections["default"].get("openssl_conf")
    for module, entry in sections.get(start.value, {}).items() if start else ():
        depth = _DEPTHS.get(module.partition(".")[0], 0)
        for way, last in _below(sections, module, entry, depth):
            if settings.is_full:  # sections that name each other are many more than they are long
                return
            settings.add(
                f"{prefix}.effective.{way}", _convert_value(way.rpartition(".")[2], last), last.path, last.line
            )


def _below(sections: Sections, way: str, entry: Entry, depth: int) -> Iterator[tuple[str, Entry]]:
    """What an entry refers to: everything in the section that it names, else itself."""
    section = sections.get(entry.value) if depth else None
    if not section:
        yield way, entry
        return
    for name, other in section.items():
        yield from _below(sections, f"{way}.{name}", other, depth - 1)


def _convert_value(name: str, entry: Entry) -> Value:
    if name in _SECRETS:
        return MASK if entry.value else ""
    return number(without_password(entry.value))


PARSER = Parser(
    name="openssl",
    globs=(
        "**/openssl.cnf",
        "etc/ssl/**/*.cnf",
        "etc/ssl/**/*.conf",
        "etc/pki/tls/**/*.cnf",
        "etc/crypto-policies/back-ends/*",
    ),
    settings=_settings,
    programs=("openssl",),
)
