"""`hullmark policy convert`: a native policy in the place of an Anchore policy bundle."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hullmark.policy.conversion import Translation


def convert(arguments: argparse.Namespace) -> int:
    """Write the native policy; what has no equal stands above it, and makes the exit status 1."""
    from hullmark.app.check import load
    from hullmark.model.errors import HullmarkError
    from hullmark.policy.languages import language_of

    policy = load(Path(arguments.policy))
    translate = language_of(policy).translate
    if translate is None:
        raise HullmarkError(f"{arguments.policy} is a native policy already", advice="hullmark check takes it as it is")
    translation = translate(policy)
    if not translation.document["rule_sets"]:
        first = translation.left_out[0] if translation.left_out else None
        reason = f": {first.what}: {first.reason}" if first is not None else ""
        raise HullmarkError(
            f"nothing of the policy can be said natively{reason}",
            advice="hullmark check judges by Anchore policies as they are",
        )
    text = _format_translation(translation)
    if not arguments.file:
        sys.stdout.write(text)
        return 1 if translation.left_out else 0
    try:
        Path(arguments.file).write_text(text, "utf-8")
    except OSError as error:
        raise HullmarkError(
            f"cannot write {arguments.file}: {error.strerror}", advice="check path and rights"
        ) from error
    for part in translation.left_out:
        sys.stdout.write(f"left out: {part.what}: {part.reason}\n")
    return 1 if translation.left_out else 0


def _format_translation(translation: Translation) -> str:
    import yaml

    lines = [f"# left out: {part.what}: {part.reason}" for part in translation.left_out]
    safe = ["".join(c if c.isprintable() else "?" for c in line) for line in lines]
    body = yaml.safe_dump(translation.document, sort_keys=False, allow_unicode=True, width=120)
    return "\n".join([*safe, body]) if safe else body
