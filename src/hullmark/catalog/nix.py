"""Packages in a store of Nix: the folders nix/store/DIGEST-NAME-VERSION[-OUTPUT] (Nix' reference manual, "Store Path", `parseDrvName`)."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.late import late
from hullmark.catalog.presence import presence
from hullmark.catalog.view import View
from hullmark.model.package import Location, OwnedFile, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import Remark

_STORE = "nix/store"
# A name ends at the first hyphen that no letter follows; the digest is in Nix' own base 32, without e, o, t and u.
_OBJECT = late(
    r"nix/store/(([0-9a-df-np-sv-z]{32})-([A-Za-z0-9+._?=](?:[A-Za-z0-9+._?=]|-(?=[A-Za-z])){0,199})-(\d[A-Za-z0-9+._?=-]{0,199}))(?:/.*)?",
    16,  # DOTALL
).fullmatch
_OUTPUT = late(
    r"-(bin|debug|dev|devdoc|dist|doc|info|lib|libexec|man|modules|nc|out|py|scripts|static|sysconfig|tests|tools|unwrapped|wrapped)"
)
_NOT_PACKAGES = late(r".*\.(?:drv|lock|patch|diff|sh|chroot|check|tar(?:\.\w+)?|tgz|tbz2|zip|gz|xz|bz2)").fullmatch


DATABASE = presence("nix-database", "**/nix/var/nix/db/db.sqlite")


class _StoreObject:
    """An object of the store: what its name says."""

    def __init__(self, digest: str, name: str, version: str) -> None:
        stem, output = version, ""
        ends = list(_OUTPUT.finditer(version))
        if ends and ends[-1].end() == len(version):
            stem, output = version[: ends[-1].start()], ends[-1][1]
        self.name, self.version, self.output = name, stem, output
        qualifiers = {"outputhash": digest, "output": output}
        self.purl = make_purl("nix", name, stem, qualifiers=qualifiers)


def _objects(view: View) -> Iterator[tuple[_StoreObject, str, str, int]]:
    """Each file below the store: its object, the object's folder, the file's path and layer. A file of the store itself counts too."""
    if not view.exists(_STORE):
        return
    known: dict[str, _StoreObject] = {}
    for path, layer in view.below(_STORE):
        found = _OBJECT(path)
        if found is None or _NOT_PACKAGES(found[1]):
            continue
        if found[1] not in known:
            known[found[1]] = _StoreObject(found[2], found[3], found[4])
        yield known[found[1]], f"{_STORE}/{found[1]}", path, layer


def assemble(view: View) -> Iterator[Package]:
    """One package an object with a version in its name. What has none is a script, a configuration, or a wrapper of several."""
    there = False
    first: dict[str, tuple[_StoreObject, str, int]] = {}
    for each, folder, path, layer in _objects(view):
        there = True
        known = first.get(folder)
        if known is None or layer < known[2]:
            first[folder] = each, path, layer
    for each, path, layer in first.values():
        yield Package(
            type="nix",
            name=each.name,
            version=each.version,
            purl=each.purl,
            cataloger="nix",
            locations=(Location(f"/{path}", layer),),
            notes={"output": each.output} if each.output else {},
        )
    for found in view.facts(DATABASE):
        if not there:
            reason = "the database of Nix is there, and no package in its store: which are installed is not known"
            view.problem(found.path, Remark(reason, "unseen", types=("nix",)))


def owned(view: View) -> Iterator[OwnedFile]:
    """All that is below an object's folder."""
    return (OwnedFile(path, each.purl) for each, _, path, _ in _objects(view))


CATALOGER = Cataloger(name="nix", types=("nix",), reads=(DATABASE,), assemble=assemble, owned=owned, system=True)
