"""One golden case of the policies by the command line, as the cases' own `check_cases.py` wants it told.

    check_cases.py "PYTHON -m tests.support.policy_runner compat {image} {bundle} {dockerfile} {tag} {digest} {now} {advisories} {context}"

A word that is `-` was not given.
"""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.program import HULLMARK

_OPTIONS = ("policy", "dockerfile", "tag", "digest", "at", "advisories", "context")


def main() -> int:
    """Run the program and write its answer in the cases' words."""
    _, profile, image, *values = sys.argv
    words = [*HULLMARK, "check", image, "--profile", profile, "-o", "json", "--no-cache"]
    for option, value in zip(_OPTIONS, values, strict=True):
        words += [f"--{option}", value] if value != "-" else []
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if not done.stdout:
        sys.stderr.write(done.stderr)
        return 1
    verdict = json.loads(done.stdout)
    answer = {
        "final_action": verdict["verdict"],
        "reason": verdict["reason"],
        "findings": [{**finding, "whitelisted": finding["allowlisted"] is not None} for finding in verdict["findings"]],
        "problems": [problem["problem_type"] for problem in verdict["problems"] if problem["problem_type"]],
    }
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
