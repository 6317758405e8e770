"""Packages that the notes of programs name. A distribution writes them into all that it builds, so they outlive its data base."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.binaries.programs import PROGRAMS, PackageNote
from hullmark.catalog.view import View
from hullmark.model.cpe import products
from hullmark.model.late import late
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl

CATALOGER_NAME = "elf-notes"
_NAMESPACES = {"alpm": "arch", "apk": "alpine", "deb": "debian", "rpm": ""}
_NAMESPACES_OF_SYSTEMS = {"rhel": "redhat"}
_TYPES = {"pacman": "alpm", "arch": "alpm"}
_CPE = late(r"cpe:(?:2\.3:|/)o:([\w.-]+):([\w.-]+)(?::([\w.*-]+))?(?::.*)?").fullmatch
_SYSTEMS = {
    "amazon:amazon_linux": "amzn", "amazon:linux": "amzn", "arch:arch_linux": "arch", "archlinux:arch_linux": "arch",
    "opensuse:leap": "opensuse-leap", "opensuse:tumbleweed": "opensuse-tumbleweed", "oracle:linux": "ol", "redhat:enterprise_linux": "rhel",
    "suse:linux_enterprise_server": "sles",
}  # fmt: skip
"""Vendor and product of a system → its id in os-release; of others it is the product (`fedoraproject:fedora`)."""


def read_package_notes(view: View) -> Iterator[Package]:
    """One package for each program whose note names one."""
    for found in view.facts(PROGRAMS):
        if found.fact.note is not None and found.fact.note.name:
            yield _package(found.fact.note, Location(f"/{found.path}", found.layer))


def _package(note: PackageNote, at: Location) -> Package:
    kind = note.type.lower()
    type = _TYPES.get(kind, kind)
    if type not in _NAMESPACES:
        type = "generic"
    system, version = _system(note)
    namespace = "opensuse" if system.startswith("opensuse") else _NAMESPACES_OF_SYSTEMS.get(system, system)
    told = {"os_cpe": note.os_cpe, "cpes": " ".join(products((note.app_cpe,)))}
    return Package(
        type=type,
        name=note.name,
        version=note.version or UNKNOWN_VERSION,
        purl=make_purl(
            type,
            note.name,
            note.version,
            namespace=namespace or _NAMESPACES.get(type, ""),
            qualifiers={"arch": note.architecture, "distro": f"{system}-{version}" if system and version else system},
        ),
        cataloger=CATALOGER_NAME,
        arch=note.architecture,
        locations=(at,),
        notes={key: value for key, value in told.items() if value},
    )


def _system(note: PackageNote) -> tuple[str, str]:
    """Id and version of the distribution, as os-release(5) has them. Fedora writes a CPE name alone."""
    found = _CPE(note.os_cpe.lower())
    if (note.os and note.os_version) or found is None:
        return note.os.lower(), note.os_version
    _, product, version = found.groups()
    system = note.os.lower() or _SYSTEMS.get(f"{found[1]}:{product}", product)
    return system, note.os_version or ("" if version in (None, "*", "-") else version)
