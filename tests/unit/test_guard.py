"""A fault of a plugin costs what it was asked for and nothing else, and one place alone catches everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.model.guard import guard_call
from tests.support.sources import source_files

CATCH_EVERYTHING = {
    "src/hullmark/model/guard.py": "the guard",
    "src/hullmark/cli/main.py": "the last line of defence: an exit status of its own",
    "src/hullmark/advisories/feeds/formats/archives.py": "raises what is not zstandard's",
    "src/hullmark/net/aws.py": "raises what is not boto3's",
    "src/hullmark/server/api/measured.py": "counts, and raises",
    "src/hullmark/server/stories/images/analyse.py": "writes down that the analysis failed, and raises",
}
MOST_TYPES = 6


def failing(error: BaseException) -> Callable[[], str]:
    def ask() -> str:
        raise error

    return ask


def named(error: Exception) -> str:
    return type(error).__name__


@pytest.mark.parametrize("error", [KeyError("x"), RecursionError(), MemoryError(), OSError(), HullmarkError("x")])
def test_whatever_a_plugin_raises_is_made_an_answer_of(error: Exception) -> None:
    assert guard_call(failing(error), named) == type(error).__name__


def test_what_it_answers_is_handed_on() -> None:
    assert guard_call(lambda: "answer", named) == "answer"


def test_errors_that_it_tells_by_and_an_end_of_the_program_pass() -> None:
    with pytest.raises(KeyError):
        guard_call(failing(KeyError("x")), named, passing=LookupError)
    with pytest.raises(KeyboardInterrupt):
        guard_call(failing(KeyboardInterrupt()), named)


def handlers() -> Iterator[tuple[str, set[str]]]:
    for path, file in source_files("src").items():
        for types in file.handlers:
            yield path, types


def test_nobody_else_catches_everything_and_goes_on() -> None:
    assert {path for path, types in handlers() if "Exception" in types} == CATCH_EVERYTHING.keys()


def test_no_list_of_types_stands_for_everything() -> None:
    assert [path for path, types in handlers() if len(types) > MOST_TYPES] == []
