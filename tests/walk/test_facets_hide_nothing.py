"""For each limit of what facets and rules look at: an image in which something hides behind it is never `go`."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hullmark.app.check import CheckOptions, judge_by
from hullmark.model.errors import HullmarkError
from hullmark.model.image import HistoryEntry, ImageConfig
from hullmark.model.verdict import Outcome
from hullmark.policy.load import load_any
from hullmark.scanning.request import ScannerPlaces, ScanResources
from tests.walk import cases_configuration, cases_contents, cases_policy, cases_secrets, cases_start
from tests.walk.look import Look
from tests.walk.world import NOW, Layers, lowered, seen
from tools.limits import bounds

LOOKS: dict[tuple[str, str], Look] = {
    **cases_configuration.LOOKS,
    **cases_configuration.VIEWS,
    **cases_contents.LOOKS,
    **cases_policy.LOOKS,
    **cases_secrets.LOOKS,
    **cases_start.LOOKS,
}
HELD = frozenset((Outcome.STOP, Outcome.UNKNOWN))
ELSEWHERE = {
    "hullmark.facets.kept.KEPT.image_limit": "tests/unit/scanning/test_layers.py: what is kept of several layers",
    "hullmark.facets.kept.TEXT.image_limit": "tests/unit/scanning/test_layers.py: what is kept of several layers",
    "hullmark.facets.kept.TEXT.layer_limit": "as KEPT.layer_limit",
    "hullmark.facets.malware.unopened.MAX_HELD": "tests/unit/facets/malware/test_unopened.py",
    "hullmark.policy.anchore.evaluate.MAX_FINDINGS": "tests/unit/policy/anchore: a rule that fires too often has failed",
    "hullmark.policy.anchore.original_versions._MAX_TEXT": "test_as_the_original.py: what cannot be compared fails the rule",
    "hullmark.policy.anchore.regex_cost._MAX_DEPTH": "tests/unit/policy/anchore: an expression that is too deep has failed",
    "hullmark.policy.anchore.regexes.MAX_TEXT": "tests/unit/policy/anchore: a text that is too long has failed",
    "hullmark.policy.licence_denials._MAX_DEPTH": "beyond it each word counts: test_licence_denials.py",
    "hullmark.policy.licence_denials._MAX_TOKENS": "beyond it each word counts: test_licence_denials.py",
}
"""Limits whose case is not an image of one layer, and where it is."""

UNSEEN = {
    (bound.module, bound.name): bound
    for bound in bounds()
    if bound.room in ("facets", "catalog/licences", "model/licences", "policy") and bound.effect == "unseen"
}


def test_each_limit_has_a_case() -> None:
    named = {name for module, name in UNSEEN for name in (f"{module}.{name}",)}
    assert named - set(ELSEWHERE) == {f"{module}.{name}" for module, name in LOOKS}
    assert set(ELSEWHERE) <= named


def verdict(
    look: Look, layers: Layers, history: tuple[str, ...], dockerfile: str, folder: Path, cmd: tuple[str, ...] = ()
) -> Outcome:
    """What an image comes to by the case's rule; what is refused has no verdict, which lets go of nothing."""
    text = f"schema: hullmark-policy/1\nname: one\nversion: 1\nrules:\n  - {{id: one, action: stop, {look.rule}}}\n"
    policy: Any = load_any(text.encode())
    config = ImageConfig(history=tuple(HistoryEntry(created_by=each) for each in history), cmd=cmd)
    rules = folder / "rules.yar"
    rules.write_text(look.yara)
    means = ScanResources(scanners=ScannerPlaces(yara_rules=rules)) if look.yara else ScanResources()
    try:
        asked = CheckOptions(dockerfile=dockerfile)
        return judge_by(partial(seen, layers, config=config), policy, NOW, means, asked).verdict.verdict
    except HullmarkError:
        return Outcome.UNKNOWN


@pytest.mark.parametrize("key", LOOKS, ids=lambda key: ".".join(key).removeprefix("hullmark."))
def test_what_lies_beyond_a_limit_is_never_let_go(key: tuple[str, str], tmp_path: Path) -> None:
    look = LOOKS[key]
    of_padded = (look.padded, look.history, look.dockerfile, tmp_path, look.cmd)
    assert verdict(look, *of_padded) is Outcome.STOP
    with ExitStack() as stack:
        stack.enter_context(lowered(UNSEEN[key], look.number))
        plain = (look.plain, look.plain_history, look.plain_dockerfile, tmp_path, look.plain_cmd)
        assert verdict(look, *plain) is Outcome.STOP
        assert verdict(look, *of_padded) in HELD


_SSHD = "gate: configuration, trigger: must_not_be, params: {setting: sshd.Evil}"
_LARGE = {"etc/ssh/sshd_config": b"Evil yes\n" + b"#" * (1 << 20), "etc/nginx/nginx.conf": b"user me;\n"}


@pytest.mark.parametrize(
    ("program", "outcome"),
    [("sshd", Outcome.UNKNOWN), ("ssh*", Outcome.UNKNOWN), ("*", Outcome.UNKNOWN), ("nginx", Outcome.GO)],
)
def test_a_rule_about_one_program_can_tell_whatever_was_not_seen_of_another(
    program: str, outcome: Outcome, tmp_path: Path
) -> None:
    look = Look(_SSHD.replace("sshd.Evil", f"'{program}.Evil'"), 0, _LARGE, _LARGE)
    assert verdict(look, look.padded, (), "", tmp_path) is outcome


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ("", Outcome.UNKNOWN),
        (", skip_large: true", Outcome.GO),
        (', allow: ["/srv/big"]', Outcome.GO),
        (', allow: ["/srv/a"]', Outcome.UNKNOWN),
    ],
)
def test_what_a_rule_leaves_out_in_words_does_not_keep_it_from_telling(
    more: str, outcome: Outcome, tmp_path: Path
) -> None:
    rule = f'gate: contents, trigger: forbidden, params: {{paths: ["/srv/**"], pattern: evil{more}}}'
    files = {"srv/big": b"x" * (1 << 21), "srv/a": b"fine\n"}
    assert verdict(Look(rule, 0, files, files), files, (), "", tmp_path) is outcome
