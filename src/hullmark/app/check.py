"""From an image and a policy to a verdict."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from hullmark._version import __version__
from hullmark.app.take import take
from hullmark.app.wish import Means, Scanned, Wish
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Inventory
from hullmark.model.verdict import Verdict
from hullmark.policy.evaluate import evaluate
from hullmark.policy.facts import Facts
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.load import load_policy
from hullmark.policy.needs import Needs, needs
from hullmark.policy.rules import Policy
from hullmark.source import SourceOptions

_SUFFIXES = (".yaml", ".yml", ".json")
_MAX_POLICY_BYTES = 2 << 20


class Checked(msgspec.Struct, frozen=True):
    """A verdict, and the inventory that it judges."""

    verdict: Verdict
    inventory: Inventory


def load(path: Path) -> Policy:
    """The policy in a file, or in a folder that holds one. Raises HullmarkError, naming every fault in it."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES)
        if len(files) != 1:
            raise HullmarkError(
                f"the folder {path} holds {len(files)} policies", advice="name one policy file (.yaml, .yml or .json)"
            )
        path = files[0]
    try:
        with path.open("rb") as file:
            document = file.read(_MAX_POLICY_BYTES)
    except OSError as error:
        raise HullmarkError(f"cannot read the policy {path}: {error.strerror}", advice="check the path") from error
    return load_policy(document)


def judge(reference: str, policy: Policy, now: datetime, means: Means, options: SourceOptions) -> Checked:
    """Take just the inventory that the policy needs, and judge it as of `now`."""
    wanted = needs(policy)
    scanned = take(reference, _wish(wanted), means, options)
    facts = Facts(inventory=scanned.inventory, now=now, contents=_contents(scanned, wanted), ghosts=wanted.ghosts)
    return Checked(evaluate(policy, facts, analyzer=f"hullmark {__version__}"), scanned.inventory)


def _wish(wanted: Needs) -> Wish:
    # With contents the list of files tells which of them could not be read.
    return Wish(
        files=wanted.files or bool(wanted.contents),
        digests=wanted.digests,
        ghosts=wanted.ghosts,
        contents=tuple(_read_glob(glob) for glob in wanted.contents),
    )


def _read_glob(glob: PathGlob) -> str:
    """A policy's glob as the reading of layers has it: there, brackets and braces are wild too."""
    text = glob.text if glob.text.startswith("/") else "/**/" + glob.text
    if text.endswith("/"):
        text += "**"
    return text[1:].replace("[", "[[]").replace("{", "[{]").replace("}", "[}]")


def _contents(scanned: Scanned, wanted: Needs) -> dict[str, bytes | None]:
    """The bodies that were asked for; None for those that are there but were not read."""
    contents: dict[str, bytes | None] = dict(scanned.contents)
    asked = PathGlobs(wanted.contents)
    for file in scanned.inventory.files or ():
        if file.type == "file" and file.state not in ("missing", "ghost") and asked.match(file.path):
            contents.setdefault(file.path, None)
    return contents
