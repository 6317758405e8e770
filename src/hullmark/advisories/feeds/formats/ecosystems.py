"""OSV's names of ecosystems, and which namespace, order of versions and spelling of names they stand for.

Which names there are: https://ossf.github.io/osv-schema/#affectedpackage-field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

Spelling = Callable[[str], str]


class Ecosystem(NamedTuple):
    """Where packages of an OSV ecosystem are looked for: namespace, scheme of versions, and how a name is spelt there."""

    namespace: str
    scheme: str
    spelling: Spelling


def as_it_is(name: str) -> str:
    """The same name."""
    return name


_RUN = re.compile(r"[-_.]+")


def pypi_name(name: str) -> str:
    """A Python project's name as PEP 503 normalises it."""
    return _RUN.sub("-", name).lower()


def swift_name(name: str) -> str:
    """A Swift package's name: its repository without scheme and `.git`."""
    return name.lower().partition("://")[2].removesuffix(".git").rstrip("/") if "://" in name else name.lower()


_LANGUAGES: dict[str, Ecosystem] = {
    "Bioconductor": Ecosystem("bioconductor", "cran", as_it_is),
    "Bitnami": Ecosystem("bitnami", "bitnami", str.lower),
    "ConanCenter": Ecosystem("conan", "conan", str.lower),
    "CRAN": Ecosystem("cran", "cran", as_it_is),
    "crates.io": Ecosystem("cargo", "cargo", as_it_is),
    "GHC": Ecosystem("generic", "hackage", str.lower),
    "GitHub Actions": Ecosystem("githubactions", "semver", str.lower),
    "Go": Ecosystem("golang", "golang", str.lower),
    "Hackage": Ecosystem("hackage", "hackage", as_it_is),
    "Hex": Ecosystem("hex", "hex", str.lower),
    "Julia": Ecosystem("julia", "semver", as_it_is),
    "Maven": Ecosystem("maven", "maven", as_it_is),
    "npm": Ecosystem("npm", "npm", as_it_is),
    "NuGet": Ecosystem("nuget", "nuget", str.lower),
    "opam": Ecosystem("opam", "deb", as_it_is),
    "Packagist": Ecosystem("composer", "packagist", str.lower),
    "Pub": Ecosystem("pub", "pub", str.lower),
    "PyPI": Ecosystem("pypi", "pep440", pypi_name),
    "RubyGems": Ecosystem("gem", "gem", as_it_is),
    "SwiftURL": Ecosystem("swift", "semver", swift_name),
}
_SPELLINGS = {ecosystem.namespace: ecosystem.spelling for ecosystem in _LANGUAGES.values()}
_ROLLING = {"Chainguard": "apk", "CleanStart": "apk", "Echo": "deb", "MinimOS": "apk", "Wolfi": "apk"}
_WITHOUT_PACKAGES = frozenset(
    ("Android", "Docker Hardened Images", "FreeBSD", "GIT", "Kubernetes", "Linux", "OSS-Fuzz", "Root", "VSCode")
)
"""Names of what no package of an image is compared with."""

_DEBIAN_UNSTABLE = ("unstable", "sid")
_UBUNTU = re.compile(r"(Pro:)?(\d\d\.\d\d)(?::LTS)?").fullmatch
_RED_HAT = re.compile(r"(enterprise_linux|rhel_(?:aus|e4s|els|eus|tus)):(\d+(?:\.\d+)?)(?:::[\w.-]+)?").fullmatch
_SUSE = re.compile(
    r"Linux Enterprise (?!Micro|Real Time|Live Patching).*?(\d+(?:\.\d+)?)(?: SP(\d+))?(?:-[\w-]+)?"
).fullmatch
_LEAP = re.compile(r"Leap (\d+\.\d+)").fullmatch
_NUMBER = re.compile(r"\d+(?:\.\d+)*").match


def _debian(suffix: str) -> str:
    if suffix.lower() in _DEBIAN_UNSTABLE:
        return "debian:unstable"
    number = _NUMBER(suffix)
    return f"debian:{number[0].partition('.')[0]}" if number else ""


def _ubuntu(suffix: str) -> str:
    found = _UBUNTU(suffix)
    return f"ubuntu:{found[2]}{'+esm' if found[1] else ''}" if found else ""


def _red_hat(suffix: str) -> str:
    found = _RED_HAT(suffix)
    if found is None:
        return ""
    channel = found[1].partition("rhel_")[2]
    return f"rhel:{found[2]}{f'+{channel}' if channel else ''}"


def _suse(suffix: str) -> str:
    found = _SUSE(suffix)
    return f"sles:{found[1]}{f'.{found[2]}' if found[2] else ''}" if found else ""


def _opensuse(suffix: str) -> str:
    found = _LEAP(suffix)
    return f"opensuse:{found[1]}" if found else "opensuse:tumbleweed" if suffix == "Tumbleweed" else ""


def _alpine(suffix: str) -> str:
    return f"alpine:{suffix.removeprefix('v')}" if suffix else ""


def _azure(suffix: str) -> str:
    number = _NUMBER(suffix)
    major = number[0].partition(".")[0] if number else ""
    return f"{'mariner' if major in ('1', '2') else 'azurelinux'}:{major}.0" if major else ""


def _photon(suffix: str) -> str:
    number = _NUMBER(suffix)
    return f"photon:{number[0] if '.' in number[0] else f'{number[0]}.0'}" if number else ""


def _make_numbered_namespace(distribution: str) -> Callable[[str], str]:
    def namespace(suffix: str) -> str:
        number = _NUMBER(suffix)
        return f"{distribution}:{number[0]}" if number else ""

    return namespace


_DISTRIBUTIONS: dict[str, tuple[str, Callable[[str], str]]] = {
    "AlmaLinux": ("rpm", _make_numbered_namespace("almalinux")),
    "Alpaquita": ("apk", lambda suffix: f"alpaquita:{suffix}" if suffix else ""),
    "Alpine": ("apk", _alpine),
    "Azure Linux": ("rpm", _azure),
    "Debian": ("deb", _debian),
    "Mageia": ("rpm", _make_numbered_namespace("mageia")),
    "openEuler": ("rpm", _make_numbered_namespace("openeuler")),
    "openSUSE": ("rpm", _opensuse),
    "Photon OS": ("rpm", _photon),
    "Red Hat": ("rpm", _red_hat),
    "Rocky Linux": ("rpm", _make_numbered_namespace("rocky")),
    "SUSE": ("rpm", _suse),
    "Ubuntu": ("deb", _ubuntu),
}


@lru_cache(maxsize=4096)
def spelling_in(namespace: str) -> Spelling:
    """How a language's packages are spelt in a namespace; elsewhere names stand as they are."""
    return _SPELLINGS.get(namespace, as_it_is)


def ecosystem_of(text: str) -> Ecosystem | None:
    """What an ecosystem's name, with the release that may follow a colon, stands for.

    None for what is known not to be looked for in images, such as Android and releases that no image says it is.
    Raises LookupError for a name that is not known.
    """
    base, _, suffix = text.partition(":")
    language = _LANGUAGES.get(base)
    if language is not None:
        return language
    if base in _ROLLING:
        return Ecosystem(f"{base.lower()}:rolling", _ROLLING[base], as_it_is)
    if base in _DISTRIBUTIONS:
        scheme, namespace_of = _DISTRIBUTIONS[base]
        namespace = namespace_of(suffix)
        return Ecosystem(namespace, scheme, as_it_is) if namespace else None
    if base in _WITHOUT_PACKAGES:
        return None
    raise LookupError(f"the ecosystem {text[:60]!r} is not known")
