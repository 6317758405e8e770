"""Headers of models of machine learning: values that are passed over, and headers that are cut off or made to mislead."""

from __future__ import annotations

import struct

import pytest

from hullmark.catalog.programs.models import CATALOGER
from tests.support.cataloging import packages, problems, purls
from tests.support.records import safetensors


def text(value: str) -> bytes:
    """A text as GGUF has it."""
    return struct.pack("<Q", len(value)) + value.encode()


def entry(key: str, kind: int, value: bytes) -> bytes:
    """A key, the kind of its value, and the value."""
    return text(key) + struct.pack("<I", kind) + value


def listed(kind: int, count: int, values: bytes) -> bytes:
    """An array."""
    return struct.pack("<IQ", kind, count) + values


def header(*entries: bytes) -> bytes:
    """A GGUF header of these entries."""
    return b"GGUF" + struct.pack("<IQQ", 3, 290, len(entries)) + b"".join(entries)


NAME = entry("general.name", 8, text("Tiny"))
ARCHITECTURE = entry("general.architecture", 8, text("llama"))


@pytest.mark.parametrize(
    "between",
    [
        entry("llama.block_count", 4, struct.pack("<I", 32)),
        entry("general.alignment", 10, struct.pack("<Q", 32)),
        entry("tokenizer.ggml.scores", 9, listed(6, 3, bytes(12))),
        entry("tokenizer.ggml.tokens", 9, listed(8, 2, text("<s>") + text("</s>"))),
        entry("general.name.of.others", 8, text("Other")),
    ],
)
def test_values_of_every_kind_between_the_wanted_ones_are_passed_over(between: bytes) -> None:
    [package] = packages(CATALOGER, {"srv/a.gguf": header(NAME, between, ARCHITECTURE)})
    assert (package.name, package.notes) == ("Tiny", {"format": "GGUF", "architecture": "llama"})


@pytest.mark.parametrize(
    "value",
    [
        entry("tokenizer.ggml.tokens", 9, listed(8, 1 << 60, text("<s>"))),
        entry("tokenizer.ggml.tokens", 9, listed(8, 2, struct.pack("<Q", 1 << 63))),
        entry("tokenizer.ggml.scores", 9, listed(6, 1 << 60, bytes(12))),
        entry("tokenizer.ggml.nested", 9, listed(9, 1, bytes(12))),
        entry("general.unknown", 77, b""),
        entry("general.alignment", 10, b"\1"),
    ],
)
def test_what_stands_before_a_value_that_never_ends_still_names_the_model(value: bytes) -> None:
    [package] = packages(CATALOGER, {"srv/a.gguf": header(NAME, value, ARCHITECTURE)})
    assert (package.name, package.notes) == ("Tiny", {"format": "GGUF"})


def test_of_a_large_model_only_the_header_is_kept() -> None:
    body = header(NAME, ARCHITECTURE) + bytes(5 << 20)
    assert purls(CATALOGER, {"srv/a.gguf": body}) == ["pkg:huggingface/Tiny"]


@pytest.mark.parametrize("rest", [b"{not json", b'{"__metadata__": 7}', b"{" + b"[" * 99])
def test_a_safetensors_header_that_is_not_json_leaves_the_name_of_the_file(rest: bytes) -> None:
    [package] = packages(CATALOGER, {"srv/small-00001-of-00003.safetensors": struct.pack("<Q", len(rest)) + rest})
    assert (package.name, package.notes) == ("small", {"format": "safetensors"})


@pytest.mark.parametrize(
    "body", [b"", b"\x02", struct.pack("<Q", 1 << 50) + b"{}", struct.pack("<Q", 9) + b"[1, 2, 3]"]
)
def test_a_file_of_another_kind_is_not_a_model(body: bytes) -> None:
    assert (purls(CATALOGER, {"srv/a.safetensors": body}), problems(CATALOGER, {"srv/a.safetensors": body})) == ([], [])


def test_a_model_that_nothing_names_is_a_problem() -> None:
    files = {"srv/\x01.gguf": header(entry("general.name", 8, text("\x02\x03"))), "srv/.safetensors": safetensors()}
    assert purls(CATALOGER, files) == []
    assert problems(CATALOGER, files) == ["neither the model nor its file's name tells what it is called"] * 2
