"""Manifests and configs survive any JSON and any bytes."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.source.config import parse_config
from hullmark.source.manifest import Manifest as ParsedManifest
from hullmark.source.manifest import artifact_kind, parse_manifest

KEYS = st.sampled_from(
    ("schemaVersion", "mediaType", "config", "layers", "manifests", "digest", "size", "platform", "os", "annotations",
     "architecture", "rootfs", "diff_ids", "history", "Env", "Cmd", "Labels", "Healthcheck", "Test", "fsLayers", "urls")
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.sampled_from(
    ("sha256:" + "0" * 64, "linux", "application/vnd.oci.image.index.v1+json")
)  # fmt: skip
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


def read_all(body: bytes) -> None:
    with suppress(HullmarkError):
        found = parse_manifest(body, "it")
        if isinstance(found, ParsedManifest):
            artifact_kind(found)
    with suppress(HullmarkError):
        parse_config(body)


@settings(max_examples=200)
@given(JSON)
def test_any_json_is_read_or_refused(value: Any) -> None:
    read_all(json.dumps(value).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    read_all(body)


def test_escapes_of_half_characters_are_refused() -> None:
    read_all(b'{"mediaType": "\\ud800", "author": "\\udfff"}')
