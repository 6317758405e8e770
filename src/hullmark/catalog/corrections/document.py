"""The file of corrections: YAML that says what packages really are.

corrections:
  - match: {type: maven, name: log4j, path: /opt/shop/**}
    set: {purl: "pkg:maven/ch.qos.reload4j/reload4j@1.2.22"}
    owner: platform team
    reason: the vendor ships reload4j under the old name

`set` says what a package is, `remove: true` that it is not there, `add` what stands at a path that nothing recognises. Keys may be
written with dashes or underscores.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from hullmark.catalog.corrections.marked_yaml import LineError, Node, read_marked
from hullmark.catalog.sbom.purl_parts import parts_of
from hullmark.model.correction import Correction, Corrections, Identity, PackagePattern
from hullmark.model.cpe import products
from hullmark.model.limit import Limit

MAX_BYTES = Limit(4 << 20, "bytes of a file of corrections", "refused")
_MOST = Limit(2000, "corrections of packages", "refused")
_LONGEST = Limit(1000, "characters of a value in a correction", "refused")
_MOST_VALUES = Limit(100, "values of one key of a correction", "refused")

_ACTIONS = ("set", "remove", "add")
_KEYS = ("match", *_ACTIONS, "owner", "reason", "images")
_PATTERN = PackagePattern.__struct_fields__
_IDENTITY = Identity.__struct_fields__
_IN_PURL = ("name", "version", "type")
_TYPE = re.compile(r"[a-z][a-z0-9.+-]{0,63}").fullmatch


def parse(data: bytes, file: str) -> Corrections:
    """The corrections of a document; `file` is what people call it. Raises LineError that names the line of the first mistake."""
    if len(data) > MAX_BYTES:
        raise LineError(1, f"the file is larger than {MAX_BYTES >> 20} MiB")
    root = read_marked(data)
    if root is None:
        return Corrections(())
    entries = _mapping(root, "the document", ("corrections",)).get("corrections")
    if entries is None or not isinstance(entries.value, list):
        raise LineError(root.line, "expected the key corrections with a list")
    if len(entries.value) > _MOST:
        raise LineError(entries.line, f"expected at most {_MOST} corrections, not {len(entries.value)}")
    return Corrections(tuple(_correction(entry, file) for entry in entries.value))


def _correction(node: Node, file: str) -> Correction:
    given = _mapping(node, "a correction", _KEYS)
    actions = [name for name in _ACTIONS if name in given]
    if len(actions) != 1:
        raise LineError(
            node.line, f"a correction has one of {', '.join(_ACTIONS)}; this one has {len(actions) or 'none'}"
        )
    for name in ("owner", "reason"):
        if name not in given:
            raise LineError(node.line, f"{name} is missing; a correction says in whose name and why it holds")
    [action] = actions
    if (action == "add") == ("match" in given):
        reason = "add takes no match: it has a path" if action == "add" else f"{action} needs match: which packages"
        raise LineError(node.line, reason)
    if action == "remove" and given[action].value not in ("true", "yes"):
        raise LineError(given[action].line, "remove: expected true")
    return Correction(
        file=file,
        line=node.line,
        owner=_text(given["owner"], "owner"),
        reason=_text(given["reason"], "reason"),
        images=_texts(given["images"], "images") if "images" in given else (),
        pattern=_pattern(given["match"]) if "match" in given else None,
        identity=_identity(given[action], action) if action != "remove" else None,
        at=_path(given[action]) if action == "add" else "",
    )


def _pattern(node: Node) -> PackagePattern:
    given = _mapping(node, "match", _PATTERN)
    if not given:
        raise LineError(node.line, f"match: it would fit every package; name one of {', '.join(_PATTERN)}")
    return PackagePattern(**{name: _text(value, f"match.{name}") for name, value in given.items()})


def _path(node: Node) -> str:
    path = _mapping(node, "add", ("path", *_IDENTITY)).get("path")
    text = _text(path, "add.path") if path is not None else ""
    if not text.startswith("/"):
        raise LineError((path or node).line, "add.path: expected an absolute path in the image")
    return text


def _identity(node: Node, action: str) -> Identity:
    known = _IDENTITY if action == "set" else ("path", *_IDENTITY)
    given = {name: value for name, value in _mapping(node, action, known).items() if name != "path"}
    if not given:
        raise LineError(node.line, f"{action}: expected at least one of {', '.join(_IDENTITY)}")
    licences = _texts(given.pop("licenses"), f"{action}.licenses") if "licenses" in given else ()
    texts = {name: _text(value, f"{action}.{name}") for name, value in given.items()}
    for name, wrong in _wrong(texts, action):
        raise LineError(given[name].line, f"{action}.{name}: {wrong}")
    if action == "add" and not ("name" in texts or "purl" in texts):
        raise LineError(node.line, "add: expected a name or a purl")
    if "cpe" in texts:
        [texts["cpe"]] = products([texts["cpe"]])
    return Identity(licenses=licences, **texts)


def _wrong(texts: Mapping[str, str], action: str) -> Iterable[tuple[str, str]]:
    purl = texts.get("purl")
    if purl is not None:
        parts = parts_of(purl)
        if parts is None:
            yield "purl", f"{purl[:100]!r} is not a package URL"
        elif not parts.version:
            yield "purl", "expected a package URL with a version"
        for name in _IN_PURL:
            if name in texts:
                yield name, "the purl says this already; leave one of them out"
    if "type" in texts and not _TYPE(texts["type"]):
        yield "type", f"{texts['type'][:60]!r} is not a type of package URLs"
    if "cpe" in texts and len(list(products([texts["cpe"]]))) != 1:
        yield (
            "cpe",
            f"{texts['cpe'][:100]!r} is not a CPE name of software, as cpe:2.3:a:vendor:product:1.0:*:*:*:*:*:*:*",
        )


def _mapping(node: Node, what: str, known: tuple[str, ...]) -> dict[str, Node]:
    if not isinstance(node.value, dict):
        raise LineError(node.line, f"{what}: expected a mapping")
    found: dict[str, Node] = {}
    for key, value in node.value.items():
        name = key.replace("-", "_")
        name = "licenses" if name in ("license", "licence", "licences") and "licenses" in known else name
        if name not in known:
            close = difflib.get_close_matches(name[:100], known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
            raise LineError(value.line, f"{what}: there is no key {key[:60]!r}; {hint}")
        if name in found:
            raise LineError(value.line, f"{what}: the key {name!r} stands twice")
        found[name] = value
    return found


def _texts(node: Node, what: str) -> tuple[str, ...]:
    """A text, or a list of texts."""
    if not isinstance(node.value, list):
        return (_text(node, what),)
    if not 0 < len(node.value) <= _MOST_VALUES:
        raise LineError(node.line, f"{what}: expected 1 to {_MOST_VALUES} texts")
    return tuple(_text(item, what) for item in node.value)


def _text(node: Node, what: str) -> str:
    if not isinstance(node.value, str) or not node.value.strip():
        raise LineError(node.line, f"{what}: expected a text that is not empty")
    if len(node.value) > _LONGEST:
        raise LineError(node.line, f"{what}: expected at most {_LONGEST} characters")
    if not node.value.isprintable():
        raise LineError(node.line, f"{what}: it has characters that cannot be printed")
    return node.value.strip()
