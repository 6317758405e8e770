"""Terraform's and OpenTofu's .terraform.lock.hcl (Terraform's documentation, "Dependency Lock File"): the providers."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, has_text, packages
from hullmark.catalog.documents import text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read, Report

_NAME = "terraform-lock"
_IS_NAME = late(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,255}").fullmatch
_IS_VERSION = late(r"[0-9][0-9A-Za-z.+_-]{0,127}").fullmatch
_PROVIDER = late(r'\s*provider\s+"([^"\n]{1,256})"\s*\{\s*').fullmatch
_VERSION = late(r'\s*version\s*=\s*"([^"\n]{1,128})"\s*').fullmatch


def extract(path: str, body: memoryview, report: Report) -> Listing | None:
    """Each block `provider "ADDRESS"` with the version in it."""
    gathering = PackageCollector(_IS_NAME, _IS_VERSION)
    text, seen = text_of(body), False
    provider, version = "", None
    for line in text.splitlines():
        begin = _PROVIDER(line)
        seen = seen or begin is not None
        chosen = _VERSION(line) if provider else None
        if begin or line.strip() == "}":
            if provider:
                gathering.add(provider, version)
            provider, version = begin[1] if begin else "", None
        elif chosen:
            version = chosen[1]
    if provider:
        gathering.refuse(provider)
    if not seen and has_text(text, "#"):
        report("it has no block of a provider")
    return gathering.finish(report)


def _split_name(name: str) -> tuple[str, str]:
    namespace, _, own = name.rpartition("/")
    return namespace, own


_TERRAFORM = Ecosystem(type="terraform", cataloger=_NAME, parted=_split_name)


def assemble(view: View) -> Iterator[Package]:
    """What the lock files name."""
    return packages(view, (TERRAFORM_LOCK,), _TERRAFORM)


TERRAFORM_LOCK: Read[Listing] = Read(
    name="terraform-lock-hcl", fact=Listing, extract=extract, globs=("**/.terraform.lock.hcl",), limit=4 * MIB
)
CATALOGER = Cataloger(name=_NAME, types=("terraform",), reads=(TERRAFORM_LOCK,), assemble=assemble)
