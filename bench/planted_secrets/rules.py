"""What the rules of other scanners find and we do, by name: `python -m bench.planted_secrets.rules` prints the section of secrets.md.

The table that it counts is the tests' own (`tests/unit/facets/secrets/scanner_rules.txt`): each rule has a made-up value that is found.
"""

import textwrap

from bench.markdown import table
from tests.unit.facets.secrets.scanner_rules import GENERAL, REASONS, SCANNERS, Rule, rules

_VERSIONS = {"b": "2.0.0", "g": "8.30.1", "k": "2.14.0", "d": "1.5.0"}
_OF_NO_ISSUER = GENERAL | {
    *("application-key", "bearer-token", "command-login", "jwt", "pkcs12-key", "private-key", "url-password"),
}
_HEAD = """\
## Rules of the scanners

Each rule of theirs has a value in the form of its issuer's, made when the tests run, which is found: by a kind that names the issuer, or by
a general one where the value has no form of its own and nothing else names the issuer. Left out is what is no secret.
"""


def section() -> str:
    """The numbers by scanner, and by name what is found by a general kind and what is left out."""
    every = rules()
    rows = [
        (f"{name} {_VERSIONS[letter]}", *_counts([rule for rule in every if letter in rule.scanners]))
        for letter, name in SCANNERS.items()
    ]
    head = ("scanner", "rules", "by the issuer's name", "by a general kind", "left out")
    general = sorted(f"{rule.name} ({rule.kind})" for rule in every if rule.kind in _OF_NO_ISSUER)
    out = [
        f"- {why}: {', '.join(rule.name for rule in every if not rule.kind and rule.text == reason)}"
        for reason, why in REASONS.items()
    ]
    parts = (_HEAD, table(head, rows), f"By a general kind: {', '.join(general)}.", "\nLeft out:\n", *out, "")
    return "\n".join(
        "\n".join(textwrap.wrap(part, 140, break_on_hyphens=False))
        if len(part) > 140 and part != _HEAD and "|" not in part
        else part
        for part in parts
    )


def _counts(of_one: list[Rule]) -> tuple[str, ...]:
    left_out = sum(not rule.kind for rule in of_one)
    general = sum(rule.kind in _OF_NO_ISSUER for rule in of_one)
    return tuple(str(number) for number in (len(of_one), len(of_one) - general - left_out, general, left_out))


if __name__ == "__main__":
    print(section())
