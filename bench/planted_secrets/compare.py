"""Hullmark and four scanners on the planted set, in one run: `python -m bench.planted_secrets.compare --peers FOLDER`, into secrets.md.

FOLDER holds the programs `betterleaks`, `gitleaks`, `kingfisher` and `detect-secrets`; those that are not in it are left out.
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.markdown import table
from bench.places import BENCH, HULLMARK
from bench.planted_secrets.findings import READERS, Finding
from bench.planted_secrets.image import write_image
from bench.planted_secrets.rules import section
from bench.planted_secrets.score import report, score
from bench.planted_secrets.score import table as halves
from bench.planted_secrets.write import build, files, write

RESULT = BENCH / "secrets.md"
_HEAD = """\
# Secrets: what is found of a planted set

`python -m bench.planted_secrets` writes a frozen set of planted secrets ({planted} values of {kinds} kinds) and decoys ({decoys}).
Rules were written with one half of it alone; the other was held out. A planted value is found if a finding is at its file and on its
line or with its value; recall is found / planted, precision is found / (found + decoys hit). Each scanner opens archives and decodes
as deep as it can; none asks the services whether a secret is valid. Made in one run by
`python -m bench.planted_secrets.compare --peers FOLDER`; `python -m bench.planted_secrets.verdicts` judges each row as an image of
its own.
"""
_COMMANDS: dict[str, tuple[str, ...]] = {
    "betterleaks": ("betterleaks", "{tree}", "-o", "{out}"),
    "gitleaks": (
        *("gitleaks", "dir", "{tree}", "--max-archive-depth", "8", "--max-decode-depth", "5"),
        *("--report-format", "json", "--report-path", "{out}"),
    ),
    "kingfisher": (
        "kingfisher",
        "scan",
        "{tree}",
        "--no-validate",
        "--no-update-check",
        "--format",
        "jsonl",
        "-o",
        "{out}",
    ),
    "detect-secrets": ("detect-secrets", "-C", "{tree}", "scan", "--all-files", "."),
}


def found_by(peer: str, peers: Path, folder: Path) -> list[Finding]:
    """What another scanner finds in the folder's tree."""
    out, tree = folder / f"{peer}.json", folder / "tree"
    program, *words = _COMMANDS[peer]
    command = [str(peers / program), *(word.format(tree=tree, out=out) for word in words)]
    # All but one end with another status than 0 where they find something.
    ran = subprocess.run(command, capture_output=True, check=False, text=True)
    text = out.read_text("utf-8") if "{out}" in words else ran.stdout
    return list(READERS[peer](text, "" if peer == "detect-secrets" else str(tree)))


def found_by_hullmark(image: Path) -> list[Finding]:
    """What `hullmark secrets` finds in the image of the tree."""
    command = [str(HULLMARK), "secrets", f"oci-dir:{image}", "--no-cache", "-o", "json"]
    ran = subprocess.run(command, capture_output=True, check=False, text=True)
    return list(READERS["hullmark"](ran.stdout, ""))


def document(manifest: dict[str, Any], found: dict[str, Sequence[Finding]]) -> str:
    """The results: a row a scanner, ours by half, and by name what ours missed and what it found that is none."""
    rows = []
    for name, findings in found.items():
        both = score(manifest, findings, "both")
        rows.append((name, f"{both.recall():.1%}", f"{both.precision():.1%}", f"{len(both.hit)}/{len(both.decoys)}"))
    ours = score(manifest, found["Hullmark"], "both")
    named = report(ours).partition("\nother: ")[0]
    kinds = len({row["kind"] for row in manifest["planted"]})
    head = _HEAD.format(planted=len(manifest["planted"]), kinds=kinds, decoys=len(manifest["decoys"]))
    parts = (head, table(("scanner", "recall", "precision", "decoys hit"), rows), "Hullmark by half:\n")
    return "\n".join((*parts, halves(manifest, found["Hullmark"]), "", "```text", named, "```\n", section()))


def main() -> None:
    """Writes the set, lets each scanner look at it, and writes the results."""
    parser = argparse.ArgumentParser(prog="python -m bench.planted_secrets.compare", description=main.__doc__)
    parser.add_argument("--peers", type=Path, required=True, help="the folder with the other scanners' programs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = build()
        write(folder, rows)
        write_image(folder / "oci", files(rows))
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        found: dict[str, Sequence[Finding]] = {"Hullmark": found_by_hullmark(folder / "oci")}
        for peer in _COMMANDS:
            if (options.peers / _COMMANDS[peer][0]).exists():
                found[peer] = found_by(peer, options.peers, folder)
    text = document(manifest, found)
    RESULT.write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
