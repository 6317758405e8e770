"""Policy documents: YAML in, texts with line numbers out, and nothing that YAML can do to a reader."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hullmark.policy import document
from hullmark.policy.document import MAX_BYTES, MAX_DEPTH, MAX_TEXT_BYTES, Node, Unreadable, read_document
from hullmark.policy.load import load_any


def plain(node: Node) -> object:
    value = node.value
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1.10", {"a": "1.10"}),
        ("a: 0644", {"a": "0644"}),
        ("a: 22:22", {"a": "22:22"}),
        ("a: no", {"a": "no"}),
        ("a: 2027-01-31", {"a": "2027-01-31"}),
        ("a: 1e3", {"a": "1e3"}),
        ("a:", {"a": None}),
        ("a: ~", {"a": None}),
        ("a: '~'", {"a": "~"}),
        ("a: ''", {"a": ""}),
        ('{"a": [1, true, null, "x"]}', {"a": ["1", "true", None, "x"]}),
        ("- &x {b: c}\n- *x", [{"b": "c"}, {"b": "c"}]),
        ("<<: {a: b}", {"<<": {"a": "b"}}),
        ("\ufeffa: b", {"a": "b"}),
    ],
)
def test_scalars_stay_what_was_written(text: str, expected: object) -> None:
    assert plain(read_document(text.encode())) == expected


def test_a_node_knows_its_line() -> None:
    root = read_document(b"# comment\na:\n  - x\n  - {b: c,\n     d: e}\n")
    assert isinstance(root.value, dict)
    items = root.value["a"].value
    assert isinstance(items, list)
    second = items[1].value
    assert isinstance(second, dict)
    assert (items[0].line, items[1].line, second["d"].line) == (3, 4, 5)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(8)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "empty"),
        (b"# nothing\n", "empty"),
        (b"a: [", "not valid YAML in line"),
        (b"a: b\n\tc: d", "not valid YAML"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"a: b\n---\nc: d", "second document begins in line 2"),
        (b"a: 1\na: 2", "'a' is given twice, again in line 2"),
        (b"[a]: b", "other than a text"),
        (b"{{a: b}: c}", "other than a text"),
        (b"~: b", "other than a text"),
        (b"a: !!python/object/apply:os.system [ls]", "tag"),
        (b"a: !include x", "tag"),
        (b"a: *b", "not defined"),
        (b"a: &a [*a]", "not defined"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested more than"),
        (b"[" * 100_000, "nest"),
        (b"- " * 100_000, "nested more than"),
        (b"a: " + b"x" * MAX_BYTES, "larger than 1 MiB"),
        (b"[" + b"x," * 150_000 + b"]", "more than"),
        (BOMB.encode(), "more than"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_advice(text: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as caught:
        read_document(text)
    assert caught.value.advice


@pytest.mark.parametrize("text", [b"[" * 5000, b"- " * 5000, BOMB.encode(), b"a: [", b"a: !!int 1", b"a: &a [*a]"])
def test_the_parser_without_compiled_parts_refuses_the_same(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "_LOADER", yaml.SafeLoader)
    with pytest.raises(Unreadable):
        read_document(text)
    assert plain(read_document(b"a: [1.10, ~, {b: c}]")) == {"a": ["1.10", None, {"b": "c"}]}


@given(st.one_of(st.binary(max_size=60), st.text("ab:-[]{}&*!|>'\"#, \n?~", max_size=40).map(str.encode)))
def test_any_bytes_are_a_document_or_refused(text: bytes) -> None:
    try:
        root = read_document(text)
    except Unreadable:
        return
    assert root.size > 0


def test_a_document_that_is_too_large_for_any_language_is_refused_before_it_is_read() -> None:
    with pytest.raises(Unreadable, match="the policy is larger than 32 MiB"):
        load_any(b"{" + b" " * MAX_TEXT_BYTES)
