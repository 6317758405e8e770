"""Erlang/OTP applications, as Erlang and Elixir releases hold them: ebin/NAME.app (Erlang's documentation, "Application Resource File")."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.documents import text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, Read, Report

_MAX_LICENCES = Limit(32, "licences of one Erlang application", "shortened")
_HEAD = late(
    r"\s*(?:%[^\n]*\n\s*)*\{\s*application\s*,\s*(?:'([^'\\\n]{1,128})'|([a-z][A-Za-z0-9_@]{0,127}))\s*,"
).match
_VERSION = late(r'\{\s*vsn\s*,\s*"([^"\\\n]{1,128})"\s*\}').search
_LICENCES = late(r"\{\s*licenses\s*,\s*\[([^\]]{0,2048})\]").search
_TEXT = late(r'"([^"\n]{1,512})"').findall
_IS_NAME = late(r"[A-Za-z0-9_@.-]{1,128}").fullmatch
_IS_VERSION = late(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,127}").fullmatch


class Application(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a resource file says."""

    name: str
    version: str
    licenses: tuple[str, ...] = ()


def extract(path: str, body: memoryview, report: Report) -> Application | None:
    """The name and `vsn` of an application; a file of another form is none of Erlang's."""
    text = text_of(body)
    head = _HEAD(text)
    name = (head[1] or head[2]) if head else ""
    if not _IS_NAME(name):
        return None
    version, stated = _VERSION(text), _LICENCES(text)
    names = dict.fromkeys(_TEXT(stated[1])) if stated else {}
    sound = version[1] if version and _IS_VERSION(version[1]) else ""
    if not sound:
        report(f"the Erlang application {name} has no version that can be used")
    return Application(name, sound, tuple(names)[:_MAX_LICENCES])


APP = Read(name="erlang-app", fact=Application, globs=("**/ebin/*.app",), extract=extract, limit=4 * MIB)


def assemble(view: View) -> Iterator[Package]:
    """One package an application."""
    for found in view.facts(APP):
        fact = found.fact
        yield Package(
            type="otp",
            name=fact.name,
            version=fact.version or UNKNOWN_VERSION,
            purl=make_purl("otp", fact.name, fact.version),
            cataloger="erlang",
            licenses=fact.licenses,
            locations=(Location(f"/{found.path}", found.layer),),
        )


CATALOGER = Cataloger(name="erlang", types=("otp",), reads=(APP,), assemble=assemble)
