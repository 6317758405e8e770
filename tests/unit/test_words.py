"""Classes are named by nouns that a newcomer can look up: the field's, or those of the glossary. What belongs together has such a name:
no function takes a tuple of different things where a struct would say what they are."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.places import REPOSITORY
from tests.support.sources import SourceFile, source_files

GLOSSARY = REPOSITORY / "docs" / "reference" / "glossary.md"
PLAIN_WORDS = Path(__file__).parent / "plain_words.txt"
"""What needs no explanation: words of everyday English and terms of the field."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*")
_PARTICIPLE = re.compile(
    r"_?(?!Feed$|Need$|Seed$)(?:[A-Z][a-z]*ed|Begun|Brought|Built|Caught|Chosen|Done|Drawn|Found|Given|Gone|Heard|Held|Hidden|Kept|Known"
    r"|Led|Left|Lost|Made|Meant|Met|Said|Seen|Sent|Shown|Taken|Thought|Told|Written)"
).fullmatch

_CALLED_BY_A_PARTICIPLE = re.compile(
    r"_*(?!(?:em|ex|pro)?(?:bed|ceed|feed|need|read|seed|speed)$)(?:[a-z]{2,}ed|begun|brought|built|caught|chosen|done|drawn|found|given|gone"
    r"|heard|held|hidden|kept|known|led|left|lost|made|meant|met|said|seen|sent|shown|spent|taken|thought|told|written)"
).fullmatch

_PAGING = "where a list goes on: the values that it is sorted by, as a cursor gives them back"
HONEST = {
    "src/hullmark/catalog/systems/rpm.py": (1, "an item of a dict, for `sorted`"),
    "src/hullmark/policy/anchore/regex_cost.py": (1, "what Python's parser of patterns has for a repetition"),
    "src/hullmark/rootfs/tree_view.py": (1, "a row of what was kept by path, for `sorted`"),
    "src/hullmark/server/console/charts/layered.py": (1, "what `enumerate` gives, for `sorted`"),
    "src/hullmark/server/stories/rollout/deltas.py": (1, "an item of a dict, for `sorted`"),
    "src/hullmark/server/tables/images/images.py": (1, _PAGING),
    "src/hullmark/server/tables/judging/comparison.py": (5, _PAGING),
    "src/hullmark/server/tables/judging/exception_lists.py": (1, _PAGING),
    "src/hullmark/server/tables/judging/simulations.py": (2, _PAGING),
    "src/hullmark/server/tables/judging/standing.py": (3, _PAGING),
    "src/hullmark/versions/generic.py": (1, "a number as versions are compared by it, for each of their parts"),
}
"""The parameters that are tuples of different things: how many a file has, and why."""


TERMS: dict[str, tuple[str, ...]] = {
    "src/hullmark/advisories/database/jars.py": (
        "named",
        "named",
    ),
    "src/hullmark/advisories/database/shelf.py": ("tried",),
    "src/hullmark/advisories/database/snapshot.py": (
        "exploited",
        "rated",
    ),
    "src/hullmark/app/fix.py": ("chosen",),
    "src/hullmark/app/share.py": ("done",),
    "src/hullmark/app/spool.py": (
        "heard",
        "refused",
    ),
    "src/hullmark/catalog/sbom/spdx_tag_value.py": ("created",),
    "src/hullmark/facets/configuration/files.py": ("named",),
    "src/hullmark/facets/configuration/include_tree.py": ("opened",),
    "src/hullmark/facets/configuration/parser.py": ("named",),
    "src/hullmark/facets/configuration/ssh_keys.py": ("named",),
    "src/hullmark/facets/secrets/go_expressions.py": ("translated",),
    "src/hullmark/facets/unpacking/zips.py": ("opened",),
    "src/hullmark/advisories/feeds/formats/cpe_configurations.py": ("affected",),
    "src/hullmark/places/gates/verdicts.py": (
        "queued",
        "tagged",
    ),
    "src/hullmark/advisories/match/advisory_source.py": (
        "exploited",
        "rated",
    ),
    "src/hullmark/advisories/match/clearing.py": ("suppressed",),
    "src/hullmark/advisories/match/distros.py": ("_tumbleweed",),
    "src/hullmark/model/dockerfile.py": ("named",),
    "src/hullmark/model/jar.py": ("named",),
    "src/hullmark/notify/templates.py": ("listed",),
    "src/hullmark/policy/anchore/facts.py": (
        "searched",
        "stored",
    ),
    "src/hullmark/policy/anchore/params.py": ("expected",),
    "src/hullmark/policy/rules.py": ("described",),
    "src/hullmark/reach/code_names.py": (
        "imported",
        "started",
    ),
    "src/hullmark/reach/django.py": ("named",),
    "src/hullmark/reach/java.py": ("started",),
    "src/hullmark/reach/java_classpath.py": ("named",),
    "src/hullmark/reach/languages.py": ("started",),
    "src/hullmark/reach/machine_code.py": (
        "given",
        "given",
        "given",
    ),
    "src/hullmark/reach/node.py": ("started",),
    "src/hullmark/reach/python.py": ("started",),
    "src/hullmark/reach/scene.py": ("listed",),
    "src/hullmark/reach/simple.py": (
        "found",
        "found",
        "found",
        "started",
    ),
    "src/hullmark/rootfs/builder.py": (
        "extracted",
        "hashed",
    ),
    "src/hullmark/rootfs/dispatch.py": ("wanted",),
    "src/hullmark/places/runtime/ecs/api.py": (
        "described",
        "received",
    ),
    "src/hullmark/places/runtime/kubernetes/credentials.py": ("refused",),
    "src/hullmark/places/runtime/kubernetes/following.py": ("said",),
    "src/hullmark/scanning/clamd.py": (
        "connected",
        "gone",
        "lost",
    ),
    "src/hullmark/scanning/layercache.py": ("stamped",),
    "src/hullmark/scanning/rooms.py": ("stamped",),
    "src/hullmark/server/api/bodies.py": ("taken",),
    "src/hullmark/server/api/idempotent.py": ("heard",),
    "src/hullmark/server/console/documents.py": ("known",),
    "src/hullmark/server/console/listing.py": ("shown",),
    "src/hullmark/server/console/pages/image/opened.py": ("asked",),
    "src/hullmark/server/process/supervisor.py": ("moved",),
    "src/hullmark/server/stories/advisories/advisories.py": ("opened",),
    "src/hullmark/server/stories/notice/sending.py": (
        "reached",
        "subscribed",
    ),
    "src/hullmark/server/stories/vault.py": ("derived",),
    "src/hullmark/server/tables/places/placements.py": ("begun",),
    "src/hullmark/source/manifest.py": ("named",),
}
"""Functions that are called by a participle still: methods that several classes have, each its own."""


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


def test_functions_are_called_by_verbs() -> None:
    found = {
        file: names
        for file, source in source_files("src").items()
        if (names := sorted(name for name in source.called if _CALLED_BY_A_PARTICIPLE(name)))
    }
    strange = {file: names for file, names in found.items() if names != sorted(TERMS.get(file, ()))}
    assert strange == {}, "name them by what they do, or by what they ask: `decode`, `is_known`"
    assert found.keys() == TERMS.keys(), "take from the list what is there no longer"


@pytest.mark.parametrize("name", ["told", "_decoded", "found", "__kept"])
def test_a_function_that_is_called_by_a_participle_is_noticed(name: str) -> None:
    assert _CALLED_BY_A_PARTICIPLE(name)


@pytest.mark.parametrize("name", ["read", "need", "exceed", "decode", "find_kept", "is_known", "kept_files"])
def test_a_verb_is_no_participle(name: str) -> None:
    assert not _CALLED_BY_A_PARTICIPLE(name)


@pytest.mark.parametrize("name", ["Feed", "Need", "Finding", "SignedTarget", "FoundLicence"])
def test_a_noun_is_no_participle(name: str) -> None:
    assert not _PARTICIPLE(name)


def test_what_a_function_takes_together_has_a_name() -> None:
    found = {file: source.mixed_tuples for file, source in source_files("src").items() if source.mixed_tuples}
    strange = {file: names for file, names in found.items() if len(names) != HONEST.get(file, (0, ""))[0]}
    assert strange == {}, "take them one by one, or give them a small NamedTuple or struct"
    assert found.keys() == HONEST.keys(), "take from the list what is there no longer"


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ("when: tuple[int, datetime]", ["f(when)"]),
        ("connection: Connection, *, kev: tuple[str | None, str, bool] | None = None", ["f(kev)"]),
        ("a: None | tuple[str, list[str]], /, b: tuple[int, tuple[int, int]]", ["f(a)", "f(b)"]),
        ("size: tuple[int, int], names: tuple[str, ...], rows: list[tuple[int, str]], nothing, *more: int", []),
    ],
)
def test_a_tuple_of_different_things_is_noticed(parameters: str, names: list[str]) -> None:
    for keyword in ("def", "async def"):
        file = SourceFile(has_docstring=True)
        file.read(ast.parse(f"{keyword} f({parameters}): ...").body[0])
        assert file.mixed_tuples == names
