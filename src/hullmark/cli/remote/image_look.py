"""`hullmark image list`, `get`, `check` and all that looks into images."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hullmark.cli.remote.shown import Column, show, show_fields, show_list
from hullmark.cli.rows import print_json, print_line
from hullmark.cli.settings import settings_of

if TYPE_CHECKING:
    from hullmark.cli.output import Output
    from hullmark.net.api_client import ApiClient

MOST_DOCUMENT = 1 << 30
"""Bytes of a document that is rendered by the server."""

_EXIT = {"go": 0, "warn": 0, "stop": 1, "unknown": 3}
_FAILING = {"stop": ("stop",), "warn": ("stop", "warn")}
CANNOT_TELL = 3
_NAMES = 5

IMAGE_COLUMNS: tuple[Column, ...] = (
    ("DIGEST", "digest"),
    ("STATE", "state"),
    ("DISTRO", "distro"),
    ("PACKAGES", "package_count"),
    ("NAME", lambda image: ", ".join(image["tags"]) or image["reference"] or _earlier_name(image)),
)
_FILTERS = ("state", "registry", "repository", "tag", "verdict", "distro")
_HOLDER_COLUMNS: tuple[Column, ...] = (
    ("DIGEST", "digest"),
    ("NAME", lambda image: ", ".join(image["references"])),
    ("PACKAGES", lambda image: ", ".join(image["packages"])),
)
_VERDICT_COLUMNS: tuple[Column, ...] = (
    ("ID", "id"),
    ("AT", lambda verdict: f"{verdict['at'][:19]}Z"),
    ("VERDICT", "verdict"),
    ("POLICY", lambda verdict: f"{verdict['policy']} {verdict['policy_version']}"),
    ("STOPS", "stops"),
    ("WARNS", "warns"),
    ("CAUSE", "cause"),
)
_MATCH_COLUMNS: tuple[Column, ...] = (
    ("VULNERABILITY", lambda match: match["advisory"]["id"]),
    ("SEVERITY", lambda match: match["advisory"]["severity"]),
    ("RISK", "risk"),
    ("PACKAGE", lambda match: match["package"]["name"]),
    ("VERSION", lambda match: match["package"]["version"]),
    ("FIX", lambda match: match["fix"]["version"] or match["fix"]["state"]),
    ("SUPPRESSED", lambda match: (match["suppressed"] or {}).get("by", "")),
)


def _earlier_name(image: dict[str, Any]) -> str:
    """What an image was called until its tag moved to another."""
    earlier = image.get("earlier_tags") or []
    return f"was {earlier[0]['reference']} until {earlier[0]['until'][:10]}" if earlier else ""


def show_images(arguments: argparse.Namespace) -> int:
    """The images of the account."""
    from hullmark.cli.remote.connection import connect

    wanted = {name: getattr(arguments, name) for name in _FILTERS}
    if arguments.advisory or arguments.package:
        path, query = _holding(arguments.advisory, arguments.package, any(wanted.values()))
        found = connect(arguments).pages(path, query, arguments.limit)
        return show_list(arguments, found, _HOLDER_COLUMNS, "no image")
    found = connect(arguments).pages("/images", wanted, arguments.limit)
    return show_list(arguments, found, IMAGE_COLUMNS, "no image")


def _holding(advisory: str, package: str, is_filtered: bool) -> tuple[str, dict[str, str]]:
    """What is asked for the images that hold something: path and query. Raises HullmarkError for two questions at once."""
    from hullmark.model.errors import HullmarkError
    from hullmark.net.api_client import segment

    if is_filtered or (advisory and package):
        raise HullmarkError(
            "--advisory and --package each stand alone", advice="leave the other options out, or ask twice"
        )
    if advisory:
        return f"/vulnerabilities/{segment(advisory)}/images", {}
    # A scope of npm begins with the same sign: @babel/core@7.0.0
    at = package.rfind("@")
    name, version = (package[:at], package[at + 1 :]) if at > 0 else (package, "")
    return "/packages", {"name": name, "version": version}


def get(arguments: argparse.Namespace) -> int:
    """One image."""
    api, path = _image(arguments)
    return show_fields(arguments, api.get(path))


def packages(arguments: argparse.Namespace) -> int:
    """Packages."""
    columns: tuple[Column, ...] = (
        ("TYPE", "type"),
        ("NAME", "name"),
        ("VERSION", "version"),
        ("LICENCES", lambda package: ", ".join(map(str, package.get("licenses", ())))),
        ("PATH", lambda package: next((location["path"] for location in package.get("locations", ())), "")),
    )
    return _list_part(arguments, "packages", {"type": arguments.type, "name": arguments.name}, columns, "no package")


def files(arguments: argparse.Namespace) -> int:
    """Files."""
    columns: tuple[Column, ...] = (
        ("STATE", "state"),
        ("TYPE", "type"),
        ("SIZE", "size"),
        ("PATH", "path"),
        ("OWNER", "owner"),
    )
    return _list_part(arguments, "files", {"state": arguments.state, "prefix": arguments.prefix}, columns, "no file")


def layers(arguments: argparse.Namespace) -> int:
    """Layers."""
    columns: tuple[Column, ...] = (("DIGEST", "digest"), ("SIZE", "size"), ("CREATED BY", "created_by"))
    return _list_part(arguments, "layers", {}, columns, "no layer")


_SIGNED_COLUMNS: tuple[Column, ...] = (
    ("KIND", "kind"),
    ("FORM", "form"),
    ("STATE", "state"),
    ("SIGNER", "signer"),
    ("RULES", lambda document: ", ".join(document["rules"])),
    ("REASON", "reason"),
    ("DOCUMENT", lambda document: document["digest"][:19]),
)


def signatures(arguments: argparse.Namespace) -> int:
    """What others signed about it, as its registry had it."""
    from hullmark.report.terminal import safe

    api, path = _image(arguments)
    found = api.json("POST", f"{path}/signatures") if arguments.look else api.get(f"{path}/signatures")
    missing = [f"not all was seen: {reason}" for reason in (*found["unseen"], found["failure"]) if reason]
    if found["at"] is None:
        missing.append("nobody looked yet; to have its registry asked: hullmark image signatures --look IMAGE")
    for line in missing:
        sys.stderr.write(safe(line) + "\n")
    return show_list(arguments, found["documents"], _SIGNED_COLUMNS, "no document")


def history(arguments: argparse.Namespace) -> int:
    """Verdicts, the newest first."""
    return _list_part(arguments, "history", {}, _VERDICT_COLUMNS, "no verdict")


def vulns(arguments: argparse.Namespace) -> int:
    """Vulnerabilities, the most urgent first, what the advisories do not cover, and the packages that cannot be matched."""
    from hullmark.model.plural import plural
    from hullmark.report.terminal import safe

    query = {
        "severity": arguments.severity,
        "fix": arguments.fix,
        "package": arguments.package,
        "advisory": arguments.vulnerability,
        "kev": arguments.kev or None,
        "counting": "all" if arguments.show_suppressed else "yes",
    }
    api, path = _image(arguments)
    found = api.pages(f"{path}/vulnerabilities", query, arguments.limit)
    if arguments.output == "json":
        first = {name: value for name, value in api.get(f"{path}/vulnerabilities", query).items() if "next" not in name}
        print_json({**first, "items": list(found), "unknown": list(api.pages(f"{path}/unknown"))})
        return 0
    show_list(arguments, found, _MATCH_COLUMNS, "no vulnerability is known")
    for gap in api.get(f"{path}/vulnerabilities", {**query, "limit": 1}).get("uncovered", ()):
        print_line(safe(f"unknown, not clean: {gap['reason']} ({plural(gap['packages'], 'package')})"), hang=2)
    _print_unknown(list(api.pages(f"{path}/unknown")))
    return 0


def _print_unknown(untold: list[dict[str, Any]]) -> None:
    """The packages that cannot be matched: a line for each reason."""
    from hullmark.model.plural import plural
    from hullmark.report.matches_words import by_reason, some
    from hullmark.report.terminal import safe

    told = ((one["reason"], (one["package"]["name"],), one["package"]["name"]) for one in untold)
    for reason, names in by_reason(told):
        who = f"nothing can be said of {plural(len(names), 'package')}"
        print_line(safe(f"{who}: {reason}: {some(names, _NAMES)}"), hang=2)
    if len(untold) > _NAMES:
        sys.stdout.write("-o json names each of them\n")


def sbom(arguments: argparse.Namespace) -> int:
    """The bill of materials in each format that is asked for; or one is sent."""
    from hullmark.cli.output import wanted_outputs

    if arguments.reference:
        return _send_sbom(arguments)
    outputs = wanted_outputs("inventory", arguments.output or ["cyclonedx-json"])
    api, path = _image(arguments)
    put_documents(api, f"{path}/inventory", {"files": arguments.files or None}, outputs)
    return 0


def _send_sbom(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.connection import connect
    from hullmark.cli.remote.sending import send_file
    from hullmark.model.errors import HullmarkError

    wanted = arguments.output or ["table"]
    if arguments.files or wanted not in (["table"], ["json"]):
        raise HullmarkError("--files and formats are for bills that are written", advice="with --reference: -o json")
    meant = "a bill of materials: CycloneDX, SPDX or syft's JSON"
    query = {"reference": arguments.reference}
    added = send_file(connect(arguments), "/sboms", query, arguments.image, ("application/octet-stream", meant))
    plain = argparse.Namespace(output=wanted[0])
    return show(plain, added, lambda image: f"{image['tag']} is {image['state']}: {image['digest']}")


def check(arguments: argparse.Namespace) -> int:
    """The verdict in force."""
    from hullmark.cli.output import wanted_outputs

    outputs = wanted_outputs("verdict", arguments.output)
    api, path = _image(arguments)
    query = {"policy": arguments.policy, "environment": arguments.environment}
    word = put_verdict(api, path, query, outputs)
    return status_of(word, arguments.fail_on)


def status_of(word: str, fail_on: str) -> int:
    """The exit status that a verdict comes to; "": there is none."""
    return 1 if word in _FAILING[fail_on] else _EXIT.get(word, CANNOT_TELL)


def put_verdict(api: ApiClient, path: str, query: dict[str, Any], outputs: list[Output]) -> str:
    """Write the verdict in every format, and answer its word; "" if there is no verdict, which is said."""
    from hullmark.net.api_client import ApiRefused

    try:
        return put_documents(api, f"{path}/check", query, outputs)
    except ApiRefused as error:
        if error.status != 409:
            raise
        sys.stderr.write(f"hullmark: {error}\n  {error.advice}\n")
        return ""


def put_documents(api: ApiClient, path: str, query: dict[str, Any], outputs: list[Output]) -> str:
    """Write what the server renders in each format; answers the verdict that its answers name, if they do."""
    from hullmark.cli.output import put

    word = ""
    for output in outputs:
        answer = api.raw(path, {**query, "format": output.format.name}, MOST_DOCUMENT)
        put(output, answer.body)
        word = answer.headers.get("x-hullmark-verdict", "")
    return word


def _image(arguments: argparse.Namespace) -> tuple[ApiClient, str]:
    """The client, and the path of the image that is asked about."""
    from hullmark.cli.remote.connection import connect
    from hullmark.cli.remote.waiting import digest_of
    from hullmark.net.api_client import segment

    api = connect(arguments, settings_of(arguments))
    return api, f"/images/{segment(digest_of(api, arguments.image))}"


def _list_part(
    arguments: argparse.Namespace, part: str, query: dict[str, Any], columns: tuple[Column, ...], none: str
) -> int:
    api, path = _image(arguments)
    found: Iterator[Any] = api.pages(f"{path}/{part}", query, getattr(arguments, "limit", None))
    return show_list(arguments, found, columns, none)
