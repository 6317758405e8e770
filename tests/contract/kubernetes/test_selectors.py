"""Label selectors as the fake API server reads them, and as Hullmark's own do: one language, two readers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.selector import parse_selector
from tests.support.kubernetes.resources import BY_NAME
from tests.support.kubernetes.selectors import selected

NAMES = st.sampled_from(["app", "env", "example.com/tier"])
VALUES = st.sampled_from(["web", "db", "a-b.c_d", "1"])
SETS = st.lists(VALUES, min_size=1, max_size=3).map(", ".join)
REQUIREMENTS = st.one_of(
    st.builds("{}{}{}".format, NAMES, st.sampled_from(["=", "==", "!=", " = "]), VALUES),
    st.builds("{} {} ({})".format, NAMES, st.sampled_from(["in", "notin"]), SETS),
    NAMES,
    NAMES.map("!{}".format),
)


@given(st.lists(REQUIREMENTS, min_size=1, max_size=4).map(",".join), st.dictionaries(NAMES, VALUES))
def test_both_choose_the_same(selector: str, labels: dict[str, str]) -> None:
    fits = selected(BY_NAME["Pod"], selector, "")
    assert parse_selector(selector).fits(labels) == fits({"metadata": {"labels": labels}})
