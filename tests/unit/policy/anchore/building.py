"""Small Anchore policies and facts for tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hullmark.model.image import HistoryEntry, ImageConfig
from hullmark.model.inventory import Distro, FileRecord, Inventory, InventoryLayer, InventorySource
from hullmark.model.match import Matches
from hullmark.model.package import Location, Package
from hullmark.policy.anchore.gates import TRIGGERS
from hullmark.policy.anchore.params import Kind, Parameter
from hullmark.policy.facts import Facts

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_SAMPLES = {
    Kind.TEXT: "x", Kind.FLAG: "true", Kind.INTEGER: "3", Kind.NUMBER: "1.5", Kind.TEXTS: "a,b", Kind.LOOSE_TEXTS: "a,b",
    Kind.INTEGERS: "1,2",
}  # fmt: skip
_BETTER = {"value": "1", "regex": ".*", "mode": "0644", "filename_regex": ".*", "package_path_exclude": "/x"}


def sample(parameter: Parameter) -> str:
    """A value that the parameter takes."""
    return parameter.choices[0] if parameter.choices else _BETTER.get(parameter.name, _SAMPLES[parameter.kind])


def rule(gate: str, trigger: str, params: Mapping[str, object] | None = None, action: str = "STOP") -> dict[str, Any]:
    """A rule."""
    given = [{"name": name, "value": value} for name, value in (params or {}).items()]
    return {"id": f"{gate}-{trigger}", "gate": gate, "trigger": trigger, "action": action, "params": given}


def bundle(*rules: dict[str, Any], items: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    """A policy of the format 1_0, with one mapping for all images."""
    mapping = {"id": "m", "name": "m", "registry": "*", "repository": "*", "image": {"type": "tag", "value": "*"}}
    return {
        "id": "b", "name": "b", "version": "1_0",
        "policies": [{"id": "p", "name": "p", "version": "1_0", "rules": list(rules)}],
        "whitelists": [{"id": "w", "name": "w", "version": "1_0", "items": list(items)}],
        "mappings": [{**mapping, "policy_ids": ["p"], "whitelist_ids": ["w"]}],
        **more,
    }  # fmt: skip


def second(*rules: dict[str, Any], items: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    """A policy of the format 2, with one mapping for all images."""
    mapping = {"id": "m", "name": "m", "registry": "*", "repository": "*", "image": {"type": "tag", "value": "*"}}
    return {
        "id": "b", "name": "b", "version": "2", "description": "",
        "rule_sets": [{"id": "p", "name": "p", "version": "2", "artifact_type": "image", "rules": list(rules)}],
        "allowlists": [{"id": "w", "name": "w", "version": "2", "items": list(items)}],
        "mappings": [{**mapping, "rule_set_ids": ["p"], "allowlist_ids": ["w"]}],
        "allowlisted_images": [], "denylisted_images": [],
        **more,
    }  # fmt: skip


def every_rule() -> list[dict[str, Any]]:
    """A rule for each trigger, with every parameter that both profiles take."""
    return [
        rule(
            trigger.gate,
            trigger.name,
            {parameter.name: sample(parameter) for parameter in trigger.parameters if not parameter.is_addition},
        )
        for trigger in TRIGGERS
    ]


def file(path: str, **more: Any) -> FileRecord:
    """A file."""
    usual: dict[str, Any] = {
        "type": "file", "mode": 0o644, "uid": 0, "gid": 0, "size": 1, "sha256": "0" * 64, "link": "", "layer": 0,
        "owner": None, "state": "unowned",
    }  # fmt: skip
    return FileRecord(path=path, **{**usual, **more})


def package(kind: str, name: str, version: str, *paths: str, **more: Any) -> Package:
    """A package."""
    places = tuple(Location(path, 0) for path in paths)
    purl = f"pkg:{kind}/{name}@{version}"
    return Package(type=kind, name=name, version=version, purl=purl, cataloger="test", locations=places, **more)


def facts(**more: Any) -> Facts:
    """An image with some of everything."""
    source = InventorySource(
        kind="oci-dir", reference="x", digest="sha256:d", config_digest="sha256:c", platform="linux/amd64",
        layers=(InventoryLayer(digest="l", diff_id="i", size=100, created_by=""),),
    )  # fmt: skip
    deb = package("deb", "bash", "5.2-1", "/var/lib/dpkg/status", licenses=("GPL-3",))
    npm = package("npm", "lodash", "4.17.20", "/app/node_modules/lodash/package.json", licenses=("MIT OR Apache-2.0",))
    distro = Distro(id="debian", version_id="12")
    inventory = Inventory(
        source=source,
        distro=distro,
        packages=(deb, npm, package("maven", "demo", "1.0", "/app/demo.jar")),
        problems=(),
        config=ImageConfig(os="linux", architecture="amd64", history=(HistoryEntry(created_by="RUN make"),)),
        files=(
            file("/etc/passwd"),
            file("/usr/bin/su", mode=0o4755, owner=deb.purl, state="changed"),
            file("/usr/bin/gone", owner=deb.purl, state="missing"),
        ),
    )
    usual: dict[str, Any] = {
        "inventory": inventory,
        "now": NOW,
        "contents": {"/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n"},
        "matches": Matches(source=source, distro=distro, snapshot=None, matches=(), unknown=()),
        "reference": "docker.io/library/app:1",
        "searched": {"secrets": {"/etc/passwd": [("API_KEY=x", 1)]}, "contents": {}},
    }
    return Facts(**{**usual, **more})
