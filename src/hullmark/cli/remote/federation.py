"""`hullmark federation`: whose CI jobs sign in without a key."""

from __future__ import annotations

import argparse
from typing import Any

from hullmark.cli.remote.actions import Action, api_of
from hullmark.cli.remote.noun import Noun, listing, name_field, removing
from hullmark.cli.remote.shown import show, time_of
from hullmark.cli.rows import add_output

_CREDENTIAL = name_field("the federated credential")
_COLUMNS = (
    ("CREDENTIAL", "name"),
    ("ISSUER", "issuer"),
    ("AUDIENCE", "audience"),
    ("ROLE", "role"),
    ("CONDITIONS", lambda row: ", ".join(f"{name}={pattern}" for name, pattern in sorted(row["conditions"].items()))),
    ("USED", time_of("last_used_at")),
)


def _adding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what to call it")
    parser.add_argument("--issuer", metavar="URL", required=True, help="who signs the tokens, as they name it in `iss`")
    parser.add_argument("--audience", metavar="NAME", default="hullmark", help="whom they are for (default: hullmark)")
    parser.add_argument(
        "--claim",
        metavar="NAME=PATTERN",
        action="append",
        required=True,
        help="a claim that tokens must have, with * for anything, as repository=acme/shop (may be repeated)",
    )
    parser.add_argument("--role", metavar="ROLE", default="ci", help="what such a job may (default: ci)")
    add_output(parser)


def _add(arguments: argparse.Namespace) -> int:
    from hullmark.model.errors import HullmarkError

    conditions = dict(_claim(text) for text in arguments.claim)
    if len(conditions) < len(arguments.claim):
        raise HullmarkError("a claim is given twice", advice="all claims have to fit; use * in one pattern")
    request: dict[str, Any] = {
        "name": arguments.name,
        "issuer": arguments.issuer,
        "audience": arguments.audience,
        "conditions": conditions,
        "role": arguments.role,
    }
    made = api_of(arguments).json("POST", "/federated-credentials", document=request)
    return show(arguments, made, lambda one: f"federated credential {one['name']} added: such jobs are {one['role']}")


def _claim(text: str) -> tuple[str, str]:
    from hullmark.model.errors import HullmarkError

    name, equals, pattern = text.partition("=")
    if not name or not equals or not pattern:
        raise HullmarkError(
            f"--claim {text[:100]!r} is not NAME=PATTERN", advice="write for example repository=acme/shop"
        )
    return name, pattern


VERBS = (
    Noun(
        "federation",
        "let CI jobs sign in by tokens of their platform",
        {
            "list": listing(
                "list the federated credentials of the account", "/federated-credentials", _COLUMNS, "none"
            ),
            "add": Action("trust tokens of an issuer that have certain claims", _adding, _add),
            "delete": removing(
                "trust such tokens no longer",
                "/federated-credentials/{name}",
                _CREDENTIAL,
                "deleted",
                "{deleted} deleted",
            ),
        },
        guide="gate-in-ci",
    ),
)
