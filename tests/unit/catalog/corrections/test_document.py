"""A file of corrections is read strictly: each mistake is told with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.corrections.document import parse
from hullmark.catalog.corrections.marked_yaml import LineError

WHO = "\n    owner: me\n    reason: so\n"
GOOD = "corrections:\n  - match: {name: a}\n    remove: true" + WHO


@pytest.mark.parametrize(
    ("entry", "line", "said"),
    [
        ("match: {name: a}", 2, "this one has none"),
        ("match: {name: a}\n    remove: true\n    set: {name: b}", 2, "this one has 2"),
        ("set: {name: b}", 2, "set needs match"),
        ("match: {name: a}\n    add: {path: /x, name: b}", 2, "add takes no match"),
        ("match: {}\n    remove: true", 2, "it would fit every package"),
        ("match: {name: a}\n    remove: maybe", 3, "remove: expected true"),
        ("match: {name: a}\n    set: {vresion: 1}", 3, "did you mean 'version'?"),
        ("match: {name: a}\n    set:\n      name: b\n      purl: pkg:npm/a@1", 4, "the purl says this already"),
        ("match: {name: a}\n    set: {purl: npm/a}", 3, "is not a package URL"),
        ("match: {name: a}\n    set: {purl: 'pkg:npm/a'}", 3, "with a version"),
        ("match: {name: a}\n    set: {type: No Type}", 3, "is not a type of package URLs"),
        ("match: {name: a}\n    set: {cpe: a:b}", 3, "is not a CPE name"),
        ("match: {name: a}\n    set: {licenses: []}", 3, "expected 1 to 100 texts"),
        ("match: {name: a, name: b}\n    remove: true", 2, "the key 'name' stands twice"),
        ("match: {name: [a]}\n    remove: true", 2, "expected a text"),
        ('match: {name: "a\\eb"}\n    remove: true', 2, "cannot be printed"),
        ("match: &x {name: a}\n    remove: *x", 3, "an alias"),
        ("add: {path: x, name: a}", 2, "an absolute path"),
        ("add: {path: /x, version: 1}", 2, "expected a name or a purl"),
        ("- x", 2, "expected a mapping"),
        ("match: {name: a}\n    set: {}", 3, "set: expected at least one of"),
        ("match: {name: a}\n    set:\n      license: MIT\n      licence: ISC", 5, "the key 'licenses' stands twice"),
        ("match: {name: a}\n    set:\n      ? [name]\n      : b", 4, "a key that is not a text"),
        ("match: {name: " + "[" * 900 + "]" * 900 + "}", 1, "the parts of the document are too deep in each other"),
    ],
)
def test_a_mistake_is_told_with_its_line(entry: str, line: int, said: str) -> None:
    with pytest.raises(LineError) as raised:
        parse(f"corrections:\n  - {entry}{WHO if not entry.startswith('-') else ''}".encode(), "c.yaml")
    assert (raised.value.line, said in str(raised.value)) == (line, True), raised.value


def test_owner_and_reason_are_required() -> None:
    for name in ("owner", "reason"):
        text = "\n".join(line for line in GOOD.splitlines() if name not in line)
        with pytest.raises(LineError, match=f"{name} is missing"):
            parse(text.encode(), "c.yaml")


def test_what_is_too_much_is_refused() -> None:
    entry = GOOD.partition("\n")[2]
    with pytest.raises(LineError, match="at most 2000 corrections, not 2001"):
        parse(b"corrections:\n" + entry.encode() * 2001, "c.yaml")
    with pytest.raises(LineError, match="at most 1000 characters"):
        parse(GOOD.replace(": so", ": " + "s" * 1001).encode(), "c.yaml")
    with pytest.raises(LineError, match="larger than 4 MiB"):
        parse(b"#" * (4 << 20) + b"\n", "c.yaml")


@pytest.mark.parametrize("text", ["{}", "corrections:", "corrections: {match: {name: a}}"])
def test_a_file_without_a_list_of_corrections_is_refused(text: str) -> None:
    with pytest.raises(LineError, match="expected the key corrections with a list"):
        parse(text.encode(), "c.yaml")


def test_an_empty_file_corrects_nothing() -> None:
    assert parse(b"", "c.yaml").entries == ()


PIECES = (
    b"corrections:",
    b"\n  - ",
    b"match: ",
    b"{name: a}",
    b"set: ",
    b"[",
    b"&a ",
    b"*a",
    b"!!x ",
    b"\n    owner: me",
    b"\x00",
    b"\xff",
)


@given(st.binary(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_no_bytes_lead_to_anything_but_corrections_or_a_line_with_a_reason(data: bytes) -> None:
    wrong = None
    try:
        parse(data, "c.yaml")
    except LineError as error:
        wrong = error
    assert wrong is None or (wrong.line >= 1 and str(wrong))
