"""What people type who know another scanner, or mistype → what to type here."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from difflib import get_close_matches

_ALL_FILES = "all files are read; a policy's rules leave out what their allow names"
_LOGINS = "log in with docker login or podman login; their files are read"
_READS_IMAGES = "--platform"

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

ACTIONS: dict[str, str] = {
    "list": "status shows what there is",
    "ls": "status shows what there is",
    "check": "status shows how old it is",
    "delete": "update --keep-snapshots N keeps fewer",
    "init": "update fetches the advisories",
    "download": "update fetches the advisories",
}
"""The same for the actions of `hullmark db`."""


def named(action: argparse.Action, name: str) -> str:
    """The name that is shown of a command or an action, by whichever of its names it was found."""
    if not isinstance(action, argparse._SubParsersAction):
        return name
    found = action.choices[name]
    return next((shown.dest for shown in action._choices_actions if action.choices.get(shown.dest) is found), name)


def meant(option: str, there: Iterable[str]) -> str:
    """What to type instead of an option that the command does not have; "" where none is close. `there` are those that it has."""
    known = sorted(there)
    name = option.partition("=")[0]
    elsewhere = {theirs: said for theirs, (ours, said) in OPTIONS.items() if ours in known and theirs not in known}
    if name in elsewhere:
        return elsewhere[name]
    near = get_close_matches(name, [*known, *elsewhere], 2) if name.startswith("--") else []
    if near and near[0] in elsewhere:
        return elsewhere[near[0]]
    likely = [option for option in near if option in known]
    return f"{' or '.join(likely)}?" if likely else ""
