"""Which catalogers the words of `--catalogers` choose."""

from __future__ import annotations

import pytest

from hullmark.catalog import CATALOGERS, DECLARED
from hullmark.catalog.selection import left_out, select
from hullmark.model.errors import HullmarkError

EVERY = {each.name for each in CATALOGERS + DECLARED}
USUAL = {cataloger.name for cataloger in CATALOGERS}
SYSTEMS = {cataloger.name for cataloger in CATALOGERS if cataloger.system}


def chosen(*words: str) -> set[str]:
    """The names of what the words choose in an image."""
    return {each.name for each in select(words, CATALOGERS, CATALOGERS, DECLARED)}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("python",), {"python"}),
        (("pypi",), {"claims", "python", "python-eggs", "conda-lock", "python-lock"}),
        (("image",), USUAL),
        (("directory",), EVERY),
        (("all",), EVERY),
        (("os",), SYSTEMS),
        (("image", "-os"), USUAL - SYSTEMS),
        (("+npm-lock",), USUAL | {"npm-lock"}),
        (("-npm",), USUAL - {"npm"}),
        (("-dpkg", "+directory"), EVERY - {"dpkg"}),
        (("dpkg", "+golang"), {"dpkg", "golang"}),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, tuple) else str(len(value)),
)
def test_words_choose_by_name_type_and_tag(words: tuple[str, ...], names: set[str]) -> None:
    assert chosen(*words) == names


def test_a_word_that_none_answers_to_is_refused() -> None:
    with pytest.raises(HullmarkError, match="no cataloger answers to 'nothing'"):
        chosen("+nothing")


def test_what_is_left_out_is_told_with_its_types() -> None:
    without = select(("-conda", "-nix"), CATALOGERS, CATALOGERS, DECLARED)
    assert left_out(without, CATALOGERS) == ("conda, nix", ("conda", "nix"))
    assert left_out(CATALOGERS + DECLARED, CATALOGERS) == ("", ())
