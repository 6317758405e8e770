"""Every planted secret stops its image under a policy of one rule, and no decoy does, but for those that the measurement names."""

from __future__ import annotations

import re

import pytest

from bench.planted_secrets.verdicts import outcome
from bench.planted_secrets.write import build
from hullmark.model.verdict import Outcome
from tests.support.places import REPOSITORY


@pytest.mark.slow
def test_each_planted_secret_stops_its_image_and_decoys_go() -> None:
    named = set(re.findall(r"(?m)^  ([pd][0-9]{3}) ", (REPOSITORY / "bench" / "secrets.md").read_text("utf-8")))
    judged = {row.id: outcome(row) for row in build()}
    assert {id for id, said in judged.items() if id[0] == "p" and said is not Outcome.STOP} <= named
    assert {id for id, said in judged.items() if id[0] == "d" and said is not Outcome.GO} <= named
    assert len(named) < len(judged) / 20
