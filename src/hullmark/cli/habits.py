"""What people type who know another scanner, or mistype → what to type here."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable

from hullmark.model.late import late

_ALL_FILES = "all files are read; a policy's rules leave out what their allow names"
_LOGINS = "log in with docker login or podman login; their files are read"
_READS_IMAGES = "--platform"
_SLIP = 0.8
_ADVISORY = late(r"(?:CVE-[0-9]{4}-[0-9]{4,}|GHSA(?:-[0-9a-z]{4}){3})\Z", re.IGNORECASE).match

OPTIONS: dict[str, tuple[str, str]] = {
    "--severity": (
        "--fail-on",
        "choose what counts with --fail-on SEVERITY, or with a policy's rule vulnerabilities.found",
    ),
    "--ignore-unfixed": ("--only-fixed", "--only-fixed leaves out what has no fix"),
    "--exit-code": ("--fail-on", "--fail-on SEVERITY ends with status 1 where it is met"),
    "--fail-on-severity": ("--fail-on", "it is --fail-on SEVERITY"),
    "--format": ("-o", "it is -o FORMAT; hullmark formats lists them"),
    "-f": ("-o", "it is -o FORMAT; hullmark formats lists them"),
    "--json": ("-o", "it is -o json, or -o json=FILE"),
    "--sarif": ("-o", "it is -o sarif, or -o sarif=FILE"),
    "--output-file": ("-o", "write to a file with -o FORMAT=FILE"),
    "--file": ("-o", "write to a file with -o FORMAT=FILE"),
    "--exclude": (_READS_IMAGES, _ALL_FILES),
    "--skip-dirs": (_READS_IMAGES, _ALL_FILES),
    "--skip-files": (_READS_IMAGES, _ALL_FILES),
    "--skip-db-update": (_READS_IMAGES, "a scan fetches no advisories; hullmark db update does"),
    "--scanners": (_READS_IMAGES, "each is a command: vulns, secrets, config, malware"),
    "--cache-dir": ("--db-dir", "advisories are kept in --db-dir DIR; --cache-dir is for layers that were read"),
    "--db-dir": (
        "--cache-dir",
        "layers are kept in --cache-dir DIR; --db-dir is for advisories, which this command does not read",
    ),
    "--scope": (
        _READS_IMAGES,
        "all layers are read; scan --all-layers also shows what later layers deleted or replaced",
    ),
    "--username": (_READS_IMAGES, _LOGINS),
    "--password": (_READS_IMAGES, _LOGINS),
}
"""Options of Trivy, Grype, Syft and Docker that are called otherwise here: an option of ours, and what to type where a command has it."""

COMMANDS: dict[str, str] = {
    "version": "it is hullmark --version",
    "fs": "a folder is scanned as any image: hullmark scan dir:PATH, hullmark vulns dir:PATH",
    "rootfs": "a folder is scanned as any image: hullmark scan dir:PATH, hullmark vulns dir:PATH",
    "vuln": "it is hullmark vulns IMAGE",
    "inspect": "it is hullmark scan IMAGE",
    "packages": "it is hullmark scan IMAGE",
    "attest": "it is hullmark vulns IMAGE -o cosign-vuln",
    "update": "it is hullmark db update",
}
"""Commands of other programs, and what to type here."""

ACTIONS: dict[str, str] = {
    "list": "status shows what there is",
    "ls": "status shows what there is",
    "check": "status shows how old it is",
    "delete": "update --keep-snapshots N keeps fewer",
    "init": "update fetches the advisories",
    "download": "update fetches the advisories",
}
"""The same for the actions of `hullmark db`."""


def instead(command: str, value: str) -> str:
    """What to type where a word stands in the place of a command (`hullmark`) or of an action (`hullmark image`); "" for unknown."""
    if command == "hullmark db":
        return ACTIONS.get(value, "")
    if command == "hullmark" and value in COMMANDS:
        return COMMANDS[value]
    # A name with one of these signs is an image's or a file's; a noun that other scanners have takes any name.
    is_source = any(sign in value for sign in ":/.@")
    if command == "hullmark" and is_source:
        return f"hullmark scan {value} says what is inside, hullmark vulns {value} what is wrong with it"
    if command == "hullmark sbom":
        return f"hullmark scan {value} -o cyclonedx-json writes the bill of materials of an image"
    if command == "hullmark image":
        return (
            f"hullmark vulns {value} examines an image from this machine; `hullmark image` is about images on a server"
        )
    return ""


def missing(command: str, what: str) -> str:
    """What to type where something that must be given is not; "" for what the help says."""
    if what == "COMMAND":
        return "begin with hullmark scan IMAGE, or hullmark vulns IMAGE; hullmark --help lists all commands"
    if what == "SOURCE":
        return f"{command} nginx:1.27, or a file or folder with an image; {command} --help shows what a SOURCE may be"
    return ""


def refuse_sources(sources: Iterable[str]) -> None:
    """Raise HullmarkError for what is known not to be an image, a file or a folder, before anything is looked for."""
    from hullmark.model.errors import HullmarkError

    for text in sources:
        if _ADVISORY(text):
            raise HullmarkError(f"{text} is a vulnerability, not an image", advice=f"hullmark db search {text}")
        if text.startswith(("http://", "https://")):
            advice = "write it as docker pull takes it: nginx:1.27"
            raise HullmarkError(f"{text[:200]} is an address, not the name of an image", advice=advice)


def resolve_name(action: argparse.Action, name: str) -> str:
    """The name that is shown of a command or an action, by whichever of its names it was found."""
    if not isinstance(action, argparse._SubParsersAction):
        return name
    found = action.choices[name]
    return next((shown.dest for shown in action._choices_actions if action.choices.get(shown.dest) is found), name)


def suggest_option(option: str, there: Iterable[str]) -> str:
    """What to type instead of an option that the command does not have; "" where none is close. `there` are those that it has."""
    from difflib import get_close_matches

    known = sorted(there)
    name = option.partition("=")[0]
    elsewhere = {theirs: said for theirs, (ours, said) in OPTIONS.items() if ours in known and theirs not in known}
    if name in elsewhere:
        return elsewhere[name]
    if name in OPTIONS:
        return ""  # another scanner's, which this command has nothing like
    # Without the dashes, which make all of them alike.
    words = [other[2:] for other in (*known, *elsewhere) if other.startswith("--")]
    near = [f"--{word}" for word in get_close_matches(name[2:], words, 2)] if name.startswith("--") else []
    if near and near[0] in elsewhere:
        # Of what is called otherwise here, only a slip of the finger is meant.
        return elsewhere[near[0]] if get_close_matches(name, near[:1], 1, _SLIP) else ""
    likely = [option for option in near if option in known]
    return f"did you mean {' or '.join(likely)}?" if likely else ""
