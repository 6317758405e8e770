"""Documents of unknown origin: plain values for sound ones, a sentence for all others, and no surprise in time or memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.documents import json_object, text_of, toml_table, xml_root, yaml_documents
from hullmark.rootfs.reads import Report
from tests.support.effort import ends


def read(loader: Callable[[memoryview, Report], Any], body: bytes | str) -> tuple[Any, list[str]]:
    problems: list[str] = []
    return loader(memoryview(body.encode() if isinstance(body, str) else body), problems.append), problems


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_tells_the_encoding(encoding: str) -> None:
    assert text_of(memoryview("é\n".encode(encoding))) == "é\n"


def test_each_loader_gives_plain_values() -> None:
    assert read(json_object, b'\xef\xbb\xbf{"a": [1]}') == ({"a": [1]}, [])
    assert read(toml_table, '[[a]]\nb = "c"\n') == ({"a": [{"b": "c"}]}, [])
    assert read(yaml_documents, "a: {b: [1.10, true, 2020-01-01]}\n") == (
        [{"a": {"b": ["1.10", "true", "2020-01-01"]}}],
        [],
    )
    root, problems = read(xml_root, '<a xmlns="x"><b>c</b></a>')
    assert [(child.tag, child.text) for child in root] == [("{x}b", "c")]
    assert problems == []


def test_a_yaml_stream_may_have_several_documents() -> None:
    assert read(yaml_documents, "---\na: 1\n---\nb: 2\n") == ([{"a": "1"}, {"b": "2"}], [])


def test_an_empty_document_in_a_yaml_stream_is_no_fault() -> None:
    assert read(yaml_documents, "---\n---\na: 1\n---\n''\n") == ([{"a": "1"}], [])


def test_documents_before_a_fault_remain() -> None:
    documents, problems = read(yaml_documents, "a: 1\n---\nb: [\n")
    assert documents == [{"a": "1"}]
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("loader", "body"),
    [
        (json_object, "[]"),
        (json_object, "{"),
        (json_object, b'{"a": "\xff"}'),
        (json_object, '{"a":' * 100_000 + "1" + "}" * 100_000),
        (json_object, '{"a":[' + "[]," * 1_000_000 + "1]}"),
        (toml_table, "a = "),
        (toml_table, "[[package]]\n[[package]\n"),
        (toml_table, "a = " + "[" * 50_000),
        (toml_table, "a = " + "{b = " * 50_000),
        (toml_table, "a." * 100_000 + "b = 1"),
        (toml_table, '""."\\"" . ' * 100_000 + "b = 1"),
        (toml_table, "x = {" + "'a'." * 100_000 + "b = 1}"),
        (toml_table, "a = " + "1" * 10_000),
        (yaml_documents, "- a\n"),
        (yaml_documents, "a: ]\n"),
        (yaml_documents, "a: &x 1\n"),
        (yaml_documents, "a: &x {}\nb: {<<: [*x, *x]}\n"),
        (yaml_documents, "[" * 100),
        (yaml_documents, "{a: " * 100_000),
        (yaml_documents, "? " * 100_000),
        (yaml_documents, "a: \x00\n"),
        (xml_root, "<a>"),
        (xml_root, ""),
        (xml_root, '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
        (xml_root, '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'),
    ],
)
def test_what_cannot_be_read_is_one_sentence(loader: Callable[[memoryview, Report], Any], body: str | bytes) -> None:
    with ends():
        found, problems = read(loader, body)
    assert not found
    assert len(problems) == 1
    assert len(problems[0]) < 300


_scalars = st.text("ab1.-+:_@/() ~", max_size=8)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_scalars, inner, max_size=3)
)


@given(st.dictionaries(_scalars, _values, min_size=1, max_size=4))
def test_yaml_is_read_as_a_loader_without_types_reads_it(value: dict[str, Any]) -> None:
    text = yaml.dump(value, Dumper=_Plain)
    assert read(yaml_documents, text) == ([yaml.load(text, Loader=yaml.BaseLoader)], [])  # noqa: S506


class _Plain(yaml.SafeDumper):
    """Writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        """Each value is written where it stands."""
        return True


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(body: bytes) -> None:
    for loader in (json_object, toml_table, yaml_documents, xml_root):
        found, problems = read(loader, body)
        assert found is not None or problems
