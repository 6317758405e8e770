"""How long policies take: the baseline on an image of 500 packages and 80,000 files, facts in memory, into results-policy.md.

python -m bench.policy
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from hullmark.app.policies import load_native
from hullmark.model.image import HistoryEntry, ImageConfig
from hullmark.model.inventory import Distro, FileRecord, Inventory, InventoryLayer, InventorySource
from hullmark.model.match import Matches
from hullmark.model.package import Location, Package
from hullmark.policy.evaluate import evaluate
from hullmark.policy.facts import Facts
from hullmark.policy.globs import PathGlobs
from hullmark.policy.needs import needs

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "bench" / "results-policy.md"
PACKAGES, FILES, LAYERS, ROUNDS = 500, 80_000, 12, 15
TARGET_MS = 20.0
NOW = datetime(2026, 3, 1, tzinfo=UTC)
_FOLDERS = (
    "usr/lib/x86_64-linux-gnu",
    "usr/share/doc",
    "usr/share/locale",
    "app/node_modules",
    "usr/bin",
    "var/lib/dpkg/info",
    "etc",
)


def packages() -> tuple[Package, ...]:
    """Debian packages and some of npm."""
    kinds = ("deb", "deb", "deb", "npm", "pypi")
    return tuple(
        Package(
            type=kinds[n % 5],
            name=f"lib-{n}",
            version=f"{n % 9}.{n % 17}-1",
            purl=f"pkg:{kinds[n % 5]}/lib-{n}@{n % 9}.{n % 17}-1",
            cataloger="bench",
            licenses=("MIT",),
            locations=(Location(f"/var/lib/dpkg/status.d/{n}", n % LAYERS),),
        )
        for n in range(PACKAGES)
    )


def files(owners: tuple[Package, ...]) -> tuple[FileRecord, ...]:
    """Files as a large image has them: nearly all owned and unchanged, in many folders, some executable, some setuid."""
    made = []
    for n in range(FILES):
        folder = _FOLDERS[n % len(_FOLDERS)]
        is_owned = n % 20 != 0
        made.append(
            FileRecord(
                path=f"/{folder}/part-{n % 977}/file-{n}{_ending(n)}",
                type="file" if n % 9 else "dir",
                mode=0o4755 if n % 16_001 == 5 else 0o755 if n % 8 == 3 or n % 800 == 0 else 0o644,
                uid=0,
                gid=0,
                size=n % 40_000,
                sha256=f"{n:064x}",
                link="",
                layer=n % LAYERS,
                owner=owners[n % PACKAGES].purl if is_owned else None,
                state="ok" if is_owned else "unowned",
            )
        )
    # A scan makes the records in their order, so they lie side by side in memory.
    made.sort(key=lambda record: record.path)
    return msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=tuple[FileRecord, ...])


def _ending(number: int) -> str:
    if number % 2000 == 3:
        return ".pem"
    return ".sh" if number % 400 == 0 else ("", ".so.1", ".md", ".js", ".json")[number % 5]


def inventory() -> Inventory:
    """The image."""
    held = packages()
    layers = tuple(
        InventoryLayer(digest=f"sha256:{n:064x}", diff_id="", size=20_000_000, created_by=f"RUN {n}")
        for n in range(LAYERS)
    )
    return Inventory(
        source=InventorySource(
            kind="oci-dir",
            reference="bench",
            digest="sha256:0",
            config_digest="",
            platform="linux/amd64",
            layers=layers,
        ),
        distro=Distro(id="debian", version_id="12"),
        packages=held,
        problems=(),
        config=ImageConfig(
            os="linux",
            architecture="amd64",
            user="1000",
            created="2026-02-01T00:00:00Z",
            history=tuple(HistoryEntry(created_by=layer.created_by) for layer in layers),
        ),
        files=files(held),
    )


def measure(policy_path: Path, image: Inventory) -> tuple[list[float], int, int]:
    """Milliseconds of each round with fresh facts, and how many rules and findings there are."""
    policy = load_native(policy_path)
    wanted = needs(policy)
    matches = Matches(source=image.source, distro=image.distro, snapshot=None, matches=(), unknown=())
    asked = PathGlobs(wanted.contents)
    contents = {
        file.path: b"-----BEGIN CERTIFICATE-----\n" * 40 for file in image.files or () if asked.match(file.path)
    }
    took, count = [], 0
    for _ in range(ROUNDS):
        facts = Facts(inventory=image, now=NOW, contents=contents, ghosts=wanted.ghosts, matches=matches)
        begun = time.process_time()
        count = len(evaluate(policy, facts, analyzer="bench").findings)
        took.append((time.process_time() - begun) * 1000)
    return took, len(policy.rules), count


def main() -> int:
    """Measure every pack, write the page; 1 if the baseline is over its target."""
    image = inventory()
    rows, baseline = [], 0.0
    for path in sorted(path for path in (REPOSITORY / "policies").glob("*.yaml") if not path.stem.endswith(".test")):
        took, rules, findings = measure(path, image)
        rows.append(f"| {path.stem} | {rules} | {findings} | {statistics.median(took):.1f} | {min(took):.1f} |")
        if path.stem == "baseline":
            baseline = statistics.median(took)
    page = [
        "# Policies: how long a verdict takes",
        "",
        f"{PACKAGES} packages and {FILES:,} files in memory, the policy loaded; facts are fresh in each of {ROUNDS} rounds, so that tables",
        f"over the files are made anew. Processor time, Python {platform.python_version()}. Target: the baseline in {TARGET_MS:.0f} ms.",
        "",
        "| policy | rules | findings | median, ms | least, ms |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "`python -m bench.policy` writes this page.",
    ]
    RESULTS.write_text("\n".join(page) + "\n", "utf-8")
    print("\n".join(rows))
    return 1 if baseline > TARGET_MS else 0


if __name__ == "__main__":
    sys.exit(main())
