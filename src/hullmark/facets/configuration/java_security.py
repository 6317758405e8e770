"""Java: the security properties of each runtime (java.security of OpenJDK 8 to 25).

A runtime's properties are named by their file, as in
`java.security[/etc/java-17-openjdk/security/java.security].jdk.tls.disabledAlgorithms`. Where the file asks for it, as Red Hat's do,
the properties of the machine's crypto policy count before its own. What runtimes are started with is `java.options`, system properties
are as in `java.property[jdk.tls.client.protocols]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.facets.configuration.bracketed import BracketedNames
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.entries import at_most
from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.java_properties import properties
from hullmark.facets.configuration.java_start import PROGRAMS, add_options, options
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.written import MASK, beside, number, without_password
from hullmark.model.setting import Setting, Value

_HOMES = (
    "/usr/lib/jvm/*",
    "/usr/lib64/jvm/*",
    "/usr/java/*",
    "/usr/local/*",
    "/opt/*",
    "/opt/java/*",
    "/opt/bitnami/java",
    "/opt/ibm/java",
)
_FILES = (
    "/etc/java-*-openjdk/security/java.security",
    "/etc/java/java-*-openjdk/*/conf/security/java.security",
    *(f"{home}/{below}/security/java.security" for home in _HOMES for below in ("conf", "lib", "jre/lib")),
)
_POLICY = "/etc/crypto-policies/back-ends/java.config"
_LIST_ENDS = ("Algorithms", "keyLimits", "package.access", "package.definition", "Policy", "Policies", "namedCurves")
_NO_LISTS = ("krb5.kdc.bad.policy",)
_EXTRA = "-Djava.security.properties="
_Properties = dict[str, Setting]


def _settings(files: Files) -> Iterable[Setting]:
    settings = SettingCollector(files, "/etc")
    tree = IncludeTree(files)
    names = BracketedNames()
    seen: set[str] = set()
    given = options(files)
    add_options(given, settings)
    extra = next((word for word in reversed(given) if (word.text or "").startswith(_EXTRA)), None)
    for path in (path for glob in _FILES for path in files.matching(glob)):
        real = files.real(path) or path
        if real in seen:
            continue
        seen.add(real)
        prefix = f"java.security[{names.name(path)}]"
        found = {written.key: written for written in at_most(files, path, _read(files, tree, path, "", 0))}
        asks = found.get("security.useSystemPropertiesFile")
        if asks is not None and asks.value == "true" and files.status(_POLICY) is not None:
            policy = _read(files, tree, _POLICY, asks.path, asks.line)
            found |= {written.key: written for written in at_most(files, _POLICY, policy)}
        if extra is not None:
            found = _with_extra(files, tree, extra, found)
        for name, written in found.items():
            settings.add(
                f"{prefix}.{name}", _convert_value(name, str(written.value), found), written.path, written.line
            )
    return settings.settings()


def _with_extra(files: Files, tree: IncludeTree, word: StartWord, found: _Properties) -> _Properties:
    """The properties with those of the file that -Djava.security.properties names, which are all where a second `=` stands."""
    value = (word.text or "").removeprefix(_EXTRA)
    may = found.get("security.overridePropertiesFile")
    if may is not None and may.value != "true":
        return found
    path = value.removeprefix("=").removeprefix("file:")
    if not path.startswith("/") or files.status(path) is None:
        files.problem(
            word.path, "it names a file of security properties that is not in the image, or is not known", word.line
        )
        return found
    own = {written.key: written for written in at_most(files, path, _read(files, tree, path, "", 0))}
    return own if value.startswith("=") else found | own


def _read(files: Files, tree: IncludeTree, path: str, by: str, at: int) -> Iterator[Setting]:
    """The properties of a file and of those that it includes, as settings with the plain word."""
    with tree.opened(path, by, at) as text:
        for property_ in properties(text or ""):
            if property_.value is None:
                files.problem(path, "a character is written with an invalid escape", property_.line)
            elif property_.name != "include":
                yield Setting(key=property_.name, value=property_.value, path=path, line=property_.line)
            elif "${" in property_.value:
                files.problem(path, "it includes a file that a property names, which is not known", property_.line)
            else:
                yield from _read(files, tree, beside(files.real(path) or path, property_.value), path, property_.line)


def _convert_value(name: str, value: str, found: _Properties) -> Value:
    if name.endswith(_LIST_ENDS) and name not in _NO_LISTS:
        return tuple(_words(value, found))
    if name.lower().endswith("password"):
        return MASK if value else ""
    return {"true": True, "false": False}.get(value.strip().lower(), number(without_password(value)))


def _words(value: str, found: _Properties) -> Iterator[str]:
    """The members of a list. `include` and the name of a property is replaced by that property's members."""
    for word in value.split(","):
        other = (
            found.get(word.strip().removeprefix("include ").strip()) if word.strip().startswith("include ") else None
        )
        words = str(other.value).split(",") if other is not None else [word]
        yield from (member.strip() for member in words if member.strip())


PARSER = Parser(
    name="java",
    globs=("**/java.security", _POLICY[1:]),
    settings=_settings,
    programs=PROGRAMS,
)
