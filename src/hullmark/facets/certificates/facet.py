"""The facet `certificates`: files → the certificates and private keys in them, in all layers."""

from __future__ import annotations

from hullmark.facets.certificates.inside import ARCHIVES, TEXTS, HeldItems, found_inside
from hullmark.facets.certificates.items import items_in
from hullmark.facets.facet import Facet, FacetView
from hullmark.model.certificate import Item, KeyFile, Unread
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB, Read, Report

FILE_LIMIT = Limit(MIB, "bytes of a file that is looked into for certificates and keys")
"""The largest file, in bytes, that is looked into."""

_LAYER_LIMIT = Limit(256 * MIB, "bytes of one layer's files that are looked into for certificates and keys")
_SUFFIXES = (
    "pem",
    "crt",
    "cer",
    "cert",
    "der",
    "key",
    "pk8",
    "p8",
    "p12",
    "pfx",
    "ppk",
    "asc",
    "jks",
    "jceks",
    "keystore",
    "truststore",
)
_NAMES = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "cacerts", "trustdb")
_HOST_KEYS = tuple(f"etc/ssh/ssh_host_{kind}_key" for kind in ("rsa", "dsa", "ecdsa", "ed25519"))
_MAGICS = (b"-----BEG", b"PuTTY-Us", b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")


def extract(path: str, body: memoryview, report: Report) -> list[Item] | None:
    """The certificates and keys of a file."""
    return list(items_in(bytes(body))) or None


class _TooLarge:
    """Ignores a body, and reports that a file that may hold keys was not searched."""

    def write(self, piece: memoryview, /) -> None:
        """Nothing."""

    def finish(self, report: Report, /) -> list[Item]:
        """What is not known."""
        return [Unread(f"it is larger than {FILE_LIMIT // MIB} MiB", may_be_key=True)]


CERTIFICATE_READ = Read(
    name="certificates",
    fact=list[Item],
    extract=extract,
    globs=(*(f"**/*.{suffix}" for suffix in _SUFFIXES), *(f"**/{name}" for name in _NAMES), *_HOST_KEYS),
    magic=_MAGICS,
    limit=FILE_LIMIT,
    layer_limit=_LAYER_LIMIT,
    oversize=lambda size: _TooLarge(),
    sources=("facets/certificates",),
)


_NAMED_IN_ARCHIVES = tuple(glob for glob in CERTIFICATE_READ.globs if glob.startswith("**/"))


def extract_inside(path: str, body: memoryview, report: Report) -> list[HeldItems] | None:
    """The certificates and keys inside an archive of Java, or in a text."""
    return found_inside(bytes(body), _NAMED_IN_ARCHIVES) or None


INSIDE_READ = Read(
    name="certificates-inside",
    fact=list[HeldItems],
    extract=extract_inside,
    globs=tuple(f"**/*.{suffix}" for suffix in (*TEXTS, *ARCHIVES)),
    limit=512 * MIB,
    sources=("facets/certificates", "facets/unpacking"),
)
"""Its limit is that of the reading of Java's packages, which holds the same files."""


def assemble(view: FacetView) -> tuple[KeyFile, ...]:
    """Each version of each file that holds certificates or keys, sorted by path, bottom layer first; those inside others after these."""
    files = [
        KeyFile(path="/" + found.path, layer=found.layer, is_ghost=found.is_ghost, items=tuple(found.fact))
        for found in view.every(CERTIFICATE_READ)
    ]
    for found in view.every(INSIDE_READ):
        for held in found.fact:
            path = f"/{found.path}:{held.inner}" if held.inner else f"/{found.path}"
            files.append(KeyFile(path=path, layer=found.layer, is_ghost=found.is_ghost, items=held.items))
    return tuple(files)


FACET = Facet(name="certificates", reads=(CERTIFICATE_READ, INSIDE_READ), assemble=assemble)
