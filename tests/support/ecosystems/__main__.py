"""`python -m tests.support.ecosystems`."""

from __future__ import annotations

import sys

from tests.support.ecosystems.build import built

answer = built()
if isinstance(answer, str):
    sys.exit(f"ecosystems: {answer}")
for name, each in answer.items():
    print(f"{name}: {each.get('skipped') or each.get('failed') or each['listed']}")
