"""XML as a tree that is written at once (https://www.w3.org/TR/xml/). Characters that XML cannot hold are written as U+FFFD."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape

_NOT_IN_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_LINES = str.maketrans({"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


class Element:
    """An element: its name, attributes, text, and the elements in it, which stand behind the text."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: Mapping[str, str] | None = None, text: str = "") -> None:
        self.name = name
        self.attributes = attributes or {}
        self.text = text
        self.children: list[Element] = []


def add(parent: Element, name: str, attributes: Mapping[str, str] | None = None, text: str = "") -> Element:
    """An element that is added at the end of another one."""
    element = Element(name, attributes, text)
    parent.children.append(element)
    return element


def document(root: Element) -> bytes:
    """The document, a line behind the declaration."""
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(_write_element(root)) + "\n").encode()


def _write_element(element: Element) -> Iterator[str]:
    attributes = "".join(
        f' {name}="{_escape_text(value).translate(_LINES)}"' for name, value in element.attributes.items()
    )
    if not element.text and not element.children:
        yield f"<{element.name}{attributes}/>"
        return
    yield f"<{element.name}{attributes}>{_escape_text(element.text)}"
    for child in element.children:
        yield from _write_element(child)
    yield f"</{element.name}>"


def _escape_text(text: str) -> str:
    return escape(_NOT_IN_XML.sub("\ufffd", text)).replace("\r", "&#13;")
