"""Hullmark's package sets beside the native tools' answers, image by image: `python -m bench.truth`.

Every image of the corpus is unpacked by other tools, asked by the native tool of each ecosystem, and scanned as a user
would. What Hullmark misses is named; what it lists beyond them is explained by a rule, or named as unexplained.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench.compare import Compared, compare, distinct, items_by_type, scan
from bench.explanations import Image, reason_for
from bench.filestates import FILE_ORACLES, FileTruth
from bench.markdown import table
from bench.native import ORACLES
from bench.native.answer import Item, NotThere, Oracle
from bench.places import BENCH, add_corpus, image_folders
from bench.unpack import unpacked

IMAGES = (
    "debian-slim", "nginx", "nginx-plain", "nginx-zstd", "multi-arch", "secrets", "distroless", "rpm-image", "rpm-ndb",
    "apk-image", "python-app", "node-app", "ruby-app", "java-app", "go-tools", "big",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """One type in one image: the comparison, and the extras by reason ("" for none). `skipped`: why nothing was asked."""

    oracle: Oracle
    compared: Compared
    reasons: dict[str, list[Item]] = field(default_factory=dict)
    skipped: str = ""

    @property
    def unexplained(self) -> list[Item]:
        """Extras that no rule explains."""
        return self.reasons.get("", [])


@dataclass(frozen=True, slots=True)
class Result:
    """One image. `untold` are types that Hullmark found and no oracle knows."""

    image: str
    judged: list[Judged]
    untold: dict[str, frozenset[Item]]
    files: list[FileTruth]


def examine(name: str, layout: Path) -> Result:
    """Unpack, ask and compare."""
    ours = items_by_type(scan(layout))
    with unpacked(layout) as root:
        judged = judge(root, ours)
        files = [ask(root, scan(layout, "files")) for ask in FILE_ORACLES.get(name, ())]
    known = {oracle.type for oracle in ORACLES}
    return Result(
        name,
        [each for each in judged if each.compared.native or each.compared.ours],
        {kind: items for kind, items in ours.items() if kind not in known},
        files,
    )


def judge(root: Path, ours: dict[str, frozenset[Item]]) -> list[Judged]:
    """Each native tool's answer for an unpacked image, beside the packages of its type."""
    return [_judge(oracle, root, ours.get(oracle.type, frozenset())) for oracle in ORACLES]


def _judge(oracle: Oracle, root: Path, ours: frozenset[Item]) -> Judged:
    try:
        native = oracle.ask(root)
    except NotThere as error:
        return Judged(oracle, Compared(frozenset(), ours, (), ()), skipped=str(error))
    compared = compare(native, ours)
    image, reasons = Image(root, compared.native), defaultdict(list)
    for item in compared.extra:
        reasons[reason_for(oracle.type, item, image) or ""].append(item)
    return Judged(oracle, compared, dict(reasons))


def report(results: list[Result]) -> str:
    """The whole document."""
    judged = [(result, each) for result in results for each in result.judged]
    missing = sum(len(each.compared.missing) for _, each in judged)
    unexplained = sum(len(each.unexplained) for _, each in judged)
    wrong = sum(len(truth.wrong) for result in results for truth in result.files)
    parts = [
        "# Truth\n",
        "Made by `make truth`. A package is the same if name, version and place are: the architecture for the packages of\n"
        "a database, else the path of its own record. `distinct` counts names and versions without their places; what a\n"
        "tool does not tell (the name of an archive without poms, the version of a program built from a folder) is one.\n",
        f"Missing: **{missing}**. Extra without an explanation: **{unexplained}**. Files in another state: **{wrong}**.\n",
        table(_HEAD, (_row(result, each) for result, each in judged)),
        *_named(results),
        *_files(results),
    ]
    return "\n".join(parts)


_HEAD = (
    "image",
    "type",
    "native tool",
    "it lists",
    "distinct",
    "hullmark",
    "distinct",
    "missing",
    "extra",
    "unexplained",
)


def _row(result: Result, each: Judged) -> tuple[object, ...]:
    native, ours = each.compared.native, each.compared.ours
    if each.skipped:
        return (
            result.image,
            each.oracle.type,
            f"skipped: {each.skipped}",
            "",
            "",
            len(ours),
            distinct(ours),
            "",
            "",
            "",
        )
    return (
        result.image,
        each.oracle.type,
        each.oracle.tool,
        len(native),
        distinct(native),
        len(ours),
        distinct(ours),
        len(each.compared.missing),
        len(each.compared.extra),
        len(each.unexplained),
    )


def _named(results: list[Result]) -> list[str]:
    """A section for each image and type that differ."""
    parts = ["## By name\n"]
    for result in results:
        for each in result.judged:
            if each.compared.missing or each.compared.extra:
                parts.append(f"### {result.image}, {each.oracle.type}\n")
            if each.compared.missing:
                parts.append(f"**Missing** ({len(each.compared.missing)}):\n\n{_listed(each.compared.missing)}")
            for reason, items in sorted(each.reasons.items()):
                parts.append(f"{reason or '**Not explained**'} ({len(items)}):\n\n{_listed(items)}")
        for kind, untold in result.untold.items():
            title = f"### {result.image}, {kind}\n\nNo native tool lists these ({len(untold)}):"
            parts.append(f"{title}\n\n{_listed(untold)}")
    return parts


def _listed(items: Iterable[Item]) -> str:
    return "".join(f"- {item.name} {item.version} `{item.place}`\n" for item in sorted(items))


def _files(results: list[Result]) -> list[str]:
    parts = ["## Files against their packages' records\n"]
    rows = [(result.image, truth) for result in results for truth in result.files]
    parts.append(
        table(
            ("image", "native tool", "files checked", "not as recorded", "hullmark in another state"),
            ((image, truth.tool, truth.checked, truth.faults, len(truth.wrong)) for image, truth in rows),
        )
    )
    for image, truth in rows:
        if truth.wrong:
            parts.append(f"### {image}\n\n" + "".join(f"- {line}\n" for line in truth.wrong))
    return parts


def main() -> None:
    """The command line: exit status 1 if anything is missing, unexplained or in another state."""
    parser = argparse.ArgumentParser(prog="python -m bench.truth", description=__doc__.partition("\n")[0])
    add_corpus(parser, IMAGES)
    parser.add_argument("--out", type=Path, default=BENCH / "truth.md", help="where the report goes")
    arguments = parser.parse_args()
    results = []
    for name, layout in image_folders(arguments).items():
        results.append(examine(name, layout))
        print(table(_HEAD, (_row(results[-1], each) for each in results[-1].judged)), flush=True)
    arguments.out.write_text(report(results))
    is_true = all(
        not (each.compared.missing or each.unexplained) for result in results for each in result.judged
    ) and not any(truth.wrong for result in results for truth in result.files)
    raise SystemExit(0 if is_true else 1)


if __name__ == "__main__":
    main()
