"""How the help of a command is laid out, with an example that is made from what it takes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from hullmark.cli.output import columns

_SAMPLES = {
    "SOURCE": "registry.example.com/team/shop:1.4",
    "SOURCE [PATH]": "registry.example.com/team/shop:1.4 /etc/os-release",
    "IMAGE": "registry.example.com/team/shop:1.4",
    "IMAGE|FILE": "registry.example.com/team/shop:1.4",
    "REFERENCE": "registry.example.com/team/shop:1.4",
    "REF": "registry.example.com/team/shop:1.4",
    "HOST/REPOSITORY[:TAG]": "registry.example.com/team/shop:1.4",
    "ID|REFERENCE": "registry.example.com/team/shop:1.4",
    "HOST[/PREFIX]": "registry.example.com",
    "REGISTRY-NAME": "registry.example.com/advisories:latest",
    "POLICY": "policy.yaml",
    "BUNDLE": "bundle.json",
    "DIGEST": "sha256:8041f0954dd1",
    "DIGEST|FILE": "sha256:8041f0954dd1",
    "ID|PACKAGE": "CVE-2021-44228",
    "ID|NAME": "shop",
    "NAME": "shop",
    "ID": "7",
    "PATTERN": "CVE-2021-44228+*",
    "DAY": "2026-12-31",
    "TIME": "2026-12-31T18:00:00Z",
    "WHO": "ann@example.com",
    "TEXT": "accepted",
    "KIND": "webhook",
    "ROLE": "viewer",
    "TARGET": "backup.tar",
}


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal. Asking for the width here spares every run the import of shutil."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=max(columns(80), 40) - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """What has lines of its own keeps them; a sentence is as wide as the terminal."""
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def add_example(parser: argparse.ArgumentParser, options: str = "") -> None:
    """Show, at the end of the parser's help, a command line that it takes; `options` are shown besides what must be given."""
    words = " ".join(filter(None, (parser.prog, *_words(parser), options)))
    example = f"example:\n  {words}\n"
    parser.epilog = f"{parser.epilog}\n{example}" if parser.epilog else example


def _words(parser: argparse.ArgumentParser) -> Iterator[str]:
    """What must be given, in the order of the parser."""
    for action in parser._actions:
        value = _sample(action)
        if not action.option_strings and action.nargs not in ("?", "*"):
            yield value
        elif action.required and action.option_strings:
            yield f"{action.option_strings[-1]} {value}"


def _sample(action: argparse.Action) -> str:
    if action.choices is not None:
        return str(next(iter(action.choices)))
    name = str(action.metavar or action.dest)
    text = _SAMPLES.get(name, name)
    return f"'{text}'" if any(sign in text for sign in "*|[ ") and name != "SOURCE [PATH]" else text
