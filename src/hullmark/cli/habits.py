"""What people type who know another scanner, or mistype → what to type here."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

OPTIONS: dict[str, str] = {
    "--severity": "choose what counts with --fail-on SEVERITY, and what is shown with a policy's rule vulnerabilities.found",
    "--ignore-unfixed": "--only-fixed leaves out what has no fix",
    "--exit-code": "--fail-on SEVERITY ends with status 1 where it is met",
    "--fail-on-severity": "it is --fail-on SEVERITY",
    "--format": "it is -o FORMAT; hullmark formats lists them",
    "-f": "it is -o FORMAT; hullmark formats lists them",
    "--file": "write to a file with -o FORMAT=FILE",
    "--exclude": "all files are read; what is in an excepted place is left out by a policy's rule (allow)",
    "--skip-dirs": "all files are read; what is in an excepted place is left out by a policy's rule (allow)",
    "--skip-files": "all files are read; what is in an excepted place is left out by a policy's rule (allow)",
    "--skip-db-update": "a scan fetches no advisories; hullmark db update does",
    "--scanners": "each is a command: vulns, secrets, config, malware",
    "--scope": "all layers are read; --all-layers also shows what later layers deleted or replaced",
    "--username": "log in with docker login or podman login; their files are read",
    "--password": "log in with docker login or podman login; their files are read",
}
"""Options of Trivy, Grype, Syft and Docker that are called otherwise here."""

ACTIONS: dict[str, str] = {
    "list": "status shows what there is",
    "ls": "status shows what there is",
    "check": "status shows how old it is",
    "delete": "hullmark cache prune frees space",
    "init": "update fetches the advisories",
    "download": "update fetches the advisories",
}
"""The same for the actions of `hullmark db`."""


def meant(option: str, there: Iterable[str]) -> str:
    """What to type for an option that is not there, of those that are; "" where nothing comes near it."""
    known = sorted(there)
    name = option.partition("=")[0]
    if name in OPTIONS and name not in known:
        return OPTIONS[name]
    near = get_close_matches(name, [*known, *OPTIONS], 2) if name.startswith("--") else []
    if near and near[0] not in known:
        return OPTIONS[near[0]]
    likely = [option for option in near if option in known]
    return f"{' or '.join(likely)}?" if likely else ""
