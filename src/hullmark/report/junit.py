"""What reports in JUnit XML have in common (the form that Jenkins and its kin read)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from hullmark.report.terminal import safe

Case = tuple[str, list[str]]
"""What came of a test case (failure, error, skipped, "" for passed), and its lines."""


def document(suites: Iterable[str], kinds: list[str]) -> bytes:
    """The document of all suites; `kinds` are what came of all their cases."""
    head = f"<testsuites{attributes(name='hullmark', **numbers(kinds))}>"
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *suites, "</testsuites>", ""]).encode()


def suite(name: str, cases: list[Case], properties: Mapping[str, str], stamp: str) -> Iterable[str]:
    """The lines of a suite. `stamp` is the moment it was run, "" for none."""
    stamped = {"timestamp": stamp.removesuffix("Z")} if stamp else {}
    yield f"  <testsuite{attributes(name=name, **numbers([kind for kind, _ in cases]), **stamped)}>"
    yield "    <properties>"
    yield from (f"      <property{attributes(name=key, value=value)}/>" for key, value in properties.items())
    yield "    </properties>"
    for _, lines in cases:
        yield from lines
    yield "  </testsuite>"


def numbers(kinds: list[str]) -> dict[str, str]:
    """The numbers of a suite, or of all, as attributes."""
    names = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {"tests": str(len(kinds)), **{name: str(kinds.count(kind)) for name, kind in names.items()}, "time": "0"}


def case(name: str, group: str, inner: list[str]) -> list[str]:
    """The lines of a test case."""
    head = f"    <testcase{attributes(name=name, classname=group or 'image', time='0')}"
    return [f"{head}>", *(f"      {line}" for line in inner), "    </testcase>"] if inner else [f"{head}/>"]


def element(tag: str, message: str, type: str = "", text: Iterable[str] = ()) -> str:
    """What came of a test case."""
    known = attributes(message=message, **({"type": type} if type else {}))
    body = "\n".join(_text(line) for line in text if line)
    return f"<{tag}{known}>{body}</{tag}>" if body else f"<{tag}{known}/>"


def output(text: Iterable[str]) -> str:
    """What a test case that passed has to say."""
    return f"<system-out>{chr(10).join(_text(line) for line in text if line)}</system-out>"


def attributes(**values: str) -> str:
    """Attributes, each after a space."""
    return "".join(f' {name}="{_text(value)}"' for name, value in values.items())


def _text(text: str) -> str:
    """The text for XML. Characters that XML cannot hold are written out."""
    return escape(safe(text))
