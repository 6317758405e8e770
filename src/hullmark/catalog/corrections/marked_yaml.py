"""YAML 1.1 text → a tree of texts, lists and mappings that knows its lines. All scalars stay the text that they were written as."""

from __future__ import annotations

from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class LineError(ValueError):
    """The document is wrong in a line, counted from 1; the text says how."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


class Node:
    """A piece of a document: a text, a list or a mapping, and the line that it begins in, counted from 1."""

    __slots__ = ("line", "value")

    def __init__(self, value: str | list[Node] | dict[str, Node], line: int) -> None:
        self.value = value
        self.line = line


def read_marked(data: bytes) -> Node | None:
    """The document; None for an empty one. Raises LineError for what is not YAML, for aliases and for keys that stand twice."""
    try:
        for event in yaml.parse(data, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent):
                mark = event.start_mark
                raise LineError(mark.line + 1 if mark is not None else 1, "an alias; write out what it stands for")
        root = yaml.compose(data, Loader=_Loader)
        return _node(root) if root is not None else None
    except RecursionError as error:
        raise LineError(1, "the parts of the document are too deep in each other") from error
    except (yaml.YAMLError, UnicodeError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise LineError(mark.line + 1 if mark is not None else 1, f"not valid YAML: {problem[:200]}") from error


def _node(found: yaml.Node) -> Node:
    line = found.start_mark.line + 1
    if isinstance(found, yaml.SequenceNode):
        return Node([_node(item) for item in found.value], line)
    if not isinstance(found, yaml.MappingNode):
        return Node(str(found.value), line)
    entries: dict[str, Node] = {}
    for key, value in found.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
        if not name:
            raise LineError(key.start_mark.line + 1, "a key that is not a text")
        if name in entries:
            raise LineError(key.start_mark.line + 1, f"the key {name[:60]!r} stands twice")
        entries[name] = _node(value)
    return Node(entries, line)
