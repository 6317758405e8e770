"""Classes are named by nouns that a newcomer can look up: the field's, or those of the glossary."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.places import REPOSITORY
from tests.support.sources import source_files

GLOSSARY = REPOSITORY / "docs" / "reference" / "glossary.md"
PLAIN_WORDS = Path(__file__).parent / "plain_words.txt"
"""What needs no explanation: words of everyday English and terms of the field."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*")
_PARTICIPLE = re.compile(
    r"_?(?!Feed$|Need$|Seed$)(?:[A-Z][a-z]*ed|Begun|Brought|Built|Caught|Chosen|Done|Drawn|Found|Given|Gone|Heard|Held|Hidden|Kept|Known"
    r"|Led|Left|Lost|Made|Meant|Met|Said|Seen|Sent|Shown|Taken|Thought|Told|Written)"
).fullmatch


def classes() -> dict[str, str]:
    """The program's classes, each with a file that it is in."""
    return {name: file for file, source in source_files("src").items() for name in source.classes}


@cache
def known_words() -> frozenset[str]:
    """The nouns of the glossary, and words that need no explanation."""
    nouns = "".join(line.split("|")[1] for line in GLOSSARY.read_text("utf-8").splitlines() if line.startswith("| "))
    return frozenset(re.findall(r"[a-z]+", f"{nouns} {PLAIN_WORDS.read_text('ascii')}".lower()))


def is_known(word: str) -> bool:
    """Whether a word, or that of which it is the plural, is explained or needs no explanation."""
    return any(form in known_words() for form in (word, word.removesuffix("s"), re.sub("ies$", "y", word)))


def test_each_word_of_a_public_classs_name_is_explained_or_needs_no_explanation() -> None:
    strange = {
        f"{file}: {name} ({word})"
        for name, file in classes().items()
        if not name.startswith("_")
        for word in map(str.lower, _WORD.findall(name))
        if not is_known(word)
    }
    assert strange == set(), "explain the word in docs/reference/glossary.md, or add it to tests/unit/plain_words.txt"


def test_no_class_is_called_by_a_bare_participle() -> None:
    assert {f"{file}: {name}" for name, file in classes().items() if _PARTICIPLE(name)} == set()


@pytest.mark.parametrize("name", ["Told", "_Asked", "Found", "Shown"])
def test_a_bare_participle_is_noticed(name: str) -> None:
    assert _PARTICIPLE(name)


@pytest.mark.parametrize("name", ["Feed", "Need", "Finding", "SignedTarget", "FoundLicence"])
def test_a_noun_is_no_participle(name: str) -> None:
    assert not _PARTICIPLE(name)
