"""What templates are given to write values with."""

import pytest

from hullmark.server.console.views import breaking, heading, readable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("registry.example.com/team/shop:1.4", "registry.example.com/<wbr>team/<wbr>shop:1.4"),
        ("shop@sha256:00", "shop@<wbr>sha256:00"),
        ("<b>/'", "&lt;b&gt;/<wbr>&#x27;"),
        ("</script>", "&lt;/<wbr>script&gt;"),
        ("", ""),
    ],
)
def test_a_name_is_folded_between_its_parts_and_escaped(name: str, shown: str) -> None:
    assert str(breaking(name)) == shown


def test_what_cannot_be_seen_in_a_name_is_named() -> None:
    assert "\u202e" not in breaking("a\u202e/b")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-27T22:01:18Z", "2026-11-27 22:01 UTC"),
        ("2026-11-27", "2026-11-27"),
        ("2026-11-27T22:01:18Z and more", "2026-11-27T22:01:18Z and more"),
        ("medium", "medium"),
    ],
)
def test_a_moment_among_values_is_written_as_pages_write_moments(text: str, shown: str) -> None:
    assert readable(text) == shown


def test_a_heading_ends_without_a_full_stop() -> None:
    assert (heading("Time passed."), heading("1.0.")) == ("Time passed", "1.0")
    assert heading(None) == ""
