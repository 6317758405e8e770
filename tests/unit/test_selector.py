"""Label selectors read and match as Kubernetes has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.selector import MOST_REQUIREMENTS, MOST_VALUES, Requirement, Selector, parse_selector

WEB = {"app": "web", "env": "prod", "empty": ""}

# A selector, and whether it fits WEB.
CASES = [
    ("", True),
    ("  ", True),
    ("app", True),
    ("other", False),
    ("!canary", True),
    ("! canary", True),
    ("!app", False),
    ("app=web", True),
    ("app==web", True),
    (" app = web ", True),
    ("app=Web", False),
    ("app!=web", False),
    ("app!=api", True),
    ("other!=api", True),
    ("empty=", True),
    ("app=", False),
    ("empty=,app", True),
    ("env in (prod,staging)", True),
    ("env in ( prod , staging )", True),
    ("env in (staging)", False),
    ("other in (prod)", False),
    ("env notin (staging,test)", True),
    ("env notin (prod)", False),
    ("other notin (prod)", True),
    ("empty in (,x)", True),
    ("empty in ()", True),
    ("app=web,env in (prod,staging),!canary", True),
    ("app=web,env in (prod,staging),!env", False),
    ("in=web", False),
    ("in in (in)", False),
]


@pytest.mark.parametrize(("text", "fits"), CASES)
def test_a_selector_fits_or_not(text: str, fits: bool) -> None:
    assert parse_selector(text).fits(WEB) is fits


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (",", "key"),
        ("app,", "at the end"),
        ("app web", "not an operator"),
        ("app in prod", "parentheses"),
        ("app in (prod", "does not end"),
        ("app in (a b)", "not expected"),
        ("=web", "key"),
        ("app=web env=prod", "comma"),
        ("app=(x)", "value"),
        ("!!app", "key"),
        ("app>1", "compared"),
        ("app < 1", "not an operator"),
        ("x" * 4001, "characters"),
        (",".join("a" for _ in range(MOST_REQUIREMENTS + 1)), "requirements"),
        (f"a in ({','.join(map(str, range(MOST_VALUES + 1)))})", "values"),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_selector(text)


words = st.text(st.characters(exclude_characters=" ,()=!<>", exclude_categories=("Z", "C")), min_size=1, max_size=8)
values = st.one_of(st.just(""), words)
requirements = st.one_of(
    st.builds(Requirement, words, st.sampled_from(["exists", "absent"])),
    st.builds(
        Requirement,
        words,
        st.sampled_from(["in", "notin"]),
        st.frozensets(values, min_size=1, max_size=4).map(lambda some: tuple(sorted(some))),
    ),
)
selectors = st.builds(Selector, st.lists(requirements, max_size=5).map(tuple))


@given(selectors)
def test_a_selector_is_read_as_it_is_written(selector: Selector) -> None:
    assert parse_selector(str(selector)) == selector


@given(selectors, st.dictionaries(words, values, max_size=5))
def test_a_requirement_and_its_opposite_never_hold_together(selector: Selector, labels: dict[str, str]) -> None:
    opposite = {"in": "notin", "notin": "in", "exists": "absent", "absent": "exists"}
    for requirement in selector.requirements:
        other = Requirement(requirement.key, opposite[requirement.operator], requirement.values)  # type: ignore[arg-type]
        assert requirement.fits(labels) is not other.fits(labels)
    assert selector.fits(labels) is all(Selector((requirement,)).fits(labels) for requirement in selector.requirements)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_selector(text)
    except ValueError:
        return
    assert parse_selector(str(found)) == found
