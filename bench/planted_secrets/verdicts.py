"""What a policy of one rule says of each row, as an image of its own: `python -m bench.planted_secrets.verdicts [--half shown]`.

A planted value should stop its image, or be unknown; a decoy's image should go. Those that do not are named.
"""

import argparse
from collections import Counter
from datetime import UTC, datetime
from functools import partial

from bench.markdown import table
from bench.planted_secrets.model import Row
from bench.planted_secrets.write import HALVES, build, in_half
from hullmark.app.check import CheckOptions, judge_by
from hullmark.model.verdict import Outcome
from hullmark.policy.load import load_any
from hullmark.scanning.request import ScanResources
from tests.walk.world import seen

_NOW = datetime(2026, 6, 30, tzinfo=UTC)
_POLICY = b"""\
schema: hullmark-policy/1
name: no secrets
version: 1
rules:
  - {id: no-secrets, action: stop, gate: secrets, trigger: found, params: {severity: low}}
"""


def outcome(row: Row) -> Outcome:
    """The verdict on an image that holds the row's files alone."""
    layer = {stored.path.lstrip("/"): stored.content for stored in row.stored}
    policy = load_any(_POLICY)
    return judge_by(partial(seen, layer), policy, _NOW, ScanResources(), CheckOptions()).verdict.verdict


def main() -> None:
    """Prints how many stop, go, or are unknown, and the rows that are judged as they should not be."""
    parser = argparse.ArgumentParser(prog="python -m bench.planted_secrets.verdicts", description=main.__doc__)
    parser.add_argument("--half", choices=(*HALVES, "both"), default="both", help="whose rows are judged")
    parser.add_argument("--names", action="store_true", help="name those that are judged as they should not be")
    options = parser.parse_args()
    counts: Counter[tuple[str, Outcome]] = Counter()
    wrong: list[str] = []
    for row in in_half(build(), options.half):
        said = outcome(row)
        what = "planted" if row.id[0] == "p" else "decoy"
        counts[what, said] += 1
        if (said is Outcome.GO) is (what == "planted"):
            wrong.append(f"{row.id} {row.kind or row.why} ({row.container or 'plain'}) {row.path}: {said}")
    outcomes = (Outcome.STOP, Outcome.UNKNOWN, Outcome.GO)
    print(table(("", *outcomes), [(what, *(counts[what, said] for said in outcomes)) for what in ("planted", "decoy")]))
    if options.names:
        print("\n".join(wrong))


if __name__ == "__main__":
    main()
