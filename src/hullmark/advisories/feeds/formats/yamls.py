"""YAML of advisories: plain data, dates as text, no aliases to blow it up."""

from __future__ import annotations

from typing import Any, ClassVar

import yaml

from hullmark.model.limit import BeyondLimit, Limit

_LIMIT = Limit(4 << 20, "bytes of an advisory in YAML")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe, and leaves dates as they are written."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, Any]]]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def load(data: bytes) -> Any:
    """The document's data. Raises ValueError for what is not YAML or has aliases, BeyondLimit for more than 4 MiB."""
    if len(data) > _LIMIT:
        raise BeyondLimit(f"it is larger than {_LIMIT >> 20} MiB")
    try:
        events = yaml.parse(data, Loader=_Loader)
        if any(isinstance(event, yaml.AliasEvent) for event in events):
            raise ValueError("it has aliases")
        return yaml.load(data, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    # PyYAML's own constructors stumble over odd values behind explicit tags (`!!int ''`).
    except (yaml.YAMLError, UnicodeError, RecursionError, LookupError, AttributeError, TypeError) as error:
        raise ValueError(f"it is not YAML: {' '.join(str(error).split())[:200]}") from error
