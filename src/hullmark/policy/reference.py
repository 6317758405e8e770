"""The reference page of the policy language, in Markdown, generated from the loader's types and the gates."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.policy.describe import TriggerRow, describe, params_of
from hullmark.policy.rollout import Conditions, Grace, Selector
from hullmark.policy.rules import NATIVE_SCHEMA, PolicyException

_HEAD = f"""\
# Policies: reference

This page is generated: `hullmark policy gates -o markdown` prints it. The JSON schema is `policy.schema.json` beside it, or
`hullmark policy schema`. [How to write a policy](../how-to/write-a-policy.md) begins at the beginning.

A policy is a YAML document, or a folder of them: then all `.yaml`, `.yml` and `.json` files count, by name, except `*.test.yaml`.
Ids of rules must differ among all; documents of one name are parts of one set; `unmatched` and `grace` stand in one of them.
Every value is a text: versions, modes and ports need no quotes.

## The document

| key | what it is |
|---|---|
| `schema` | `{NATIVE_SCHEMA}` |
| `name`, `version`, `description` | what the policy is called; in a folder at least one document has a name |
| `rules` | a list of rules, which are one set under the policy's name |
| `stage` | how far that set has come: `shadow`, `warn` or `enforce` (default) |
| `rule_sets` | named sets: a list of rules each, or a mapping of `rules`, `stage` and `description` |
| `apply` | which sets judge which images; without it all sets judge all images |
| `unmatched` | what an image comes to that no entry of `apply` fits: `stop` (default), `warn` or `go` |
| `grace` | how long what runs may start again after a new finding |
| `exceptions` | findings that are accepted for a time |

### A rule

| key | what it is |
|---|---|
| `id` | unique in the policy, and stable: exceptions and history refer to it |
| `gate`, `trigger` | the question, one of those below |
| `action` | what follows if it fires: `stop` (exit status 1), `warn`, or `go` (only listed) |
| `params` | the trigger's parameters |
| `message` | put after each finding's own sentence: what to do about it |
| `when_unknown` | what follows if it cannot be judged: `unknown` (default, exit status 3), `stop`, `warn` or `go` |
| `source` | where the demand comes from, as a section of a standard |

### Stages

| stage | what becomes of findings |
|---|---|
| `shadow` | they are listed, with the action that they will have, and do not count |
| `warn` | what would stop warns |
| `enforce` | they count as the rules say |

In a set that is not enforced, what cannot be judged is a problem in the result, and does not make the verdict unknown.

"""

_APPLY = """\
The first entry that fits the image decides, and no other is looked at. An entry that asks for an environment fits only where
`--environment` names one. Where labels are asked for and the image's settings could not be read, the verdict is `unknown`.
Where an entry and a set name a stage, the milder one counts.
"""

_GRACE = """\
It softens `stop` to `warn` for a digest that ran before the finding was first met. Both times come from outside, as
`running_since` and `first_seen` in the document that `--context` names; where one of them is not known there is no grace.
"""


def reference_page() -> str:
    """The whole page."""
    rows = describe()
    parts = [_HEAD, "### Entries of `apply`\n\n", _APPLY, "\n", _table(Selector), "\n`when` has these keys:\n\n"]
    parts += [
        _table(Conditions),
        "\n### Grace\n\n",
        _GRACE,
        "\n",
        _table(Grace),
        "\n### Exceptions\n\n",
        _table(PolicyException),
    ]
    parts.append("\n## Gates\n")
    for gate in sorted({row.gate for row in rows}):
        parts.append(f"\n### {gate}\n")
        parts += [line for row in rows if row.gate == gate for line in _trigger(row)]
    return "".join(parts)


def _trigger(row: TriggerRow) -> Iterator[str]:
    yield f"\n#### {row.gate}.{row.trigger}\n\n{row.description}\n\n"
    if row.params:
        yield "| parameter | takes | default | meaning |\n|---|---|---|---|\n"
    for param in row.params:
        default = "must be given" if param.required else f"`{param.default}`"
        yield f"| `{param.name}` | {_cell(param.takes)} | {_cell(default)} | {_cell(param.description)} |\n"
    needs = ", ".join(row.needs) or "nothing that costs"
    yield f"{chr(10) if row.params else ''}Needs: {needs}. Code: `{row.module}`.\n"


def _table(kind: type[msgspec.Struct]) -> str:
    lines = ["| key | takes | default | meaning |\n|---|---|---|---|\n"]
    for param in params_of(kind):
        default = "must be given" if param.required else f"`{param.default}`"
        lines.append(f"| `{param.name}` | {_cell(param.takes)} | {_cell(default)} | {_cell(param.description)} |\n")
    return "".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
