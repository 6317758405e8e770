"""The page about running the server tells every setting, with its default."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from hullmark.model.errors import HullmarkError
from hullmark.server.stories.settings import Settings, environment_of, settings_from, usual_folder
from tests.support.places import REPOSITORY

PAGE = REPOSITORY / "docs" / "how-to" / "run-the-server.md"
ROW = re.compile(r"^\| `(HULLMARK_[A-Z_]+)` \| (?:`([^`]*)`)? *\| (.+) \|$", re.MULTILINE)


def told() -> dict[str, str]:
    """The defaults on the page, by variable."""
    return {name: default or "" for name, default, meaning in ROW.findall(PAGE.read_text("utf-8")) if meaning}


def test_the_page_tells_every_setting_and_no_other_and_its_default() -> None:
    own = {f"HULLMARK_{field.name.upper()}": field.default for field in msgspec.structs.fields(Settings)}
    expected = {name: f"{default:g}" if isinstance(default, float) else str(default) for name, default in own.items()}
    expected["HULLMARK_DATA"] = "~/.local/share/hullmark/server"
    assert told() == expected


def test_the_defaults_of_the_page_are_those_of_a_start_without_settings() -> None:
    given = {name: value for name, value in told().items() if value and name != "HULLMARK_DATA"}
    assert settings_from(given, data="/srv/x") == settings_from({}, data="/srv/x")


def test_a_process_is_given_the_settings_of_the_one_that_starts_it() -> None:
    made = settings_from({"HULLMARK_WORKERS": "3", "HULLMARK_RATE": "0", "HULLMARK_FEEDS": "default"}, data="/srv/x")
    assert settings_from(environment_of(made)) == made
    assert made.data == Path("/srv/x")


def test_a_setting_that_cannot_be_used_is_named() -> None:
    with pytest.raises(HullmarkError, match="HULLMARK_WORKERS='two' cannot be used"):
        settings_from({"HULLMARK_WORKERS": "two"})


def test_the_state_of_root_is_not_below_a_home_that_postgresql_may_not_pass_through(tmp_path: Path) -> None:
    environment, below = {"HOME": str(tmp_path)}, tmp_path / ".local" / "share" / "hullmark" / "server"
    tmp_path.chmod(0o700)
    assert usual_folder(environment, 0) == "/var/lib/hullmark"
    assert usual_folder(environment, 1000) == str(below)
    tmp_path.chmod(0o711)
    assert usual_folder(environment, 0) == str(below)
    tmp_path.chmod(0o700)
    below.mkdir(parents=True)
    assert usual_folder(environment, 0) == "/var/lib/hullmark"  # no server came to be there
    (below / "secret.key").touch()
    assert usual_folder(environment, 0) == str(below)


@pytest.mark.parametrize(
    "variables",
    [
        {"HULLMARK_WATCH_EVERY": "1"},
        {"HULLMARK_TRUSTED_PROXIES": "10.0.0.0/8,proxy"},
        {"HULLMARK_METRICS_LISTEN": "9228"},
    ],
)
def test_a_setting_of_addresses_or_bounds_that_cannot_be_used_is_named(variables: dict[str, str]) -> None:
    (value,) = variables.values()
    with pytest.raises(HullmarkError) as caught:
        settings_from(variables, data="/srv")
    assert any(word in str(caught.value) for word in (*variables, value))
