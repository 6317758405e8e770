"""Apache httpd: what files in the folders that are served (.htaccess) may override, and what of it counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.apache import PARSER as APACHE
from tests.support.configuration import read_settings
from tests.unit.facets.configuration.test_apache import MAIN, read

_SITE = "DocumentRoot /var/www\nServerName x\n<Directory /var/www>\nOptions FollowSymLinks\nAllowOverride {}\n</Directory>\n"
_ACCESS = "Options +Indexes\nServerSignature On\nphp_flag display_errors on\nRewriteEngine on\n"


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("All", {"Options": ("FollowSymLinks", "Indexes"), "ServerSignature": "On", "RewriteEngine": True}),
        ("Options", {"Options": ("FollowSymLinks", "Indexes"), "ServerSignature": "On", "RewriteEngine": None}),
        ("Options=Indexes,ExecCGI", {"Options": ("FollowSymLinks", "Indexes"), "RewriteEngine": None}),
        ("FileInfo Nonfatal=All", {"Options": ("FollowSymLinks",), "RewriteEngine": True}),
        ("None", {"Options": ("FollowSymLinks",), "ServerSignature": None, "RewriteEngine": None}),
        ("None\nAllowOverrideList Options", {"Options": ("FollowSymLinks", "Indexes"), "RewriteEngine": None}),
    ],
)
def test_what_is_overridden_counts_as_far_as_it_is_allowed(override: str, told: dict[str, object]) -> None:
    found = read(_SITE.format(override), {"var/www/.htaccess": _ACCESS})
    assert {name: found.values.get(f"apache.directory[/var/www].{name}") for name in told} == told
    assert found.problems == []


def test_a_folder_below_takes_over_what_is_overridden_and_what_lies_elsewhere_does_not_count() -> None:
    files = {
        "var/www/a/.htaccess": "Options Indexes\n",
        "var/www/a/b/.htaccess": "Options +ExecCGI\n<Files x>\nRequire all granted\n</Files>\nInclude /etc/x\n",
        "srv/.htaccess": "Options All\n",
    }
    found = read(_SITE.format("All"), files)
    assert found.values["apache.directory[/var/www/a].Options"] == ("Indexes",)
    assert found.values["apache.directory[/var/www/a/b].Options"] == ("ExecCGI", "Indexes")
    assert found.values["apache.directory[/var/www/a/b].files[x].Require"] == ("all granted",)
    assert not [key for key in found.values if "/srv" in key]
    (place,) = ((s.path, s.line) for s in found.settings if s.key == "apache.directory[/var/www/a/b].Options")
    assert place == ("/var/www/a/b/.htaccess", 1)
    assert found.problems == [("/var/www/a/b/.htaccess", "line 5: Include may not stand here")]


def test_a_host_of_its_own_decides_for_its_folders() -> None:
    text = _SITE.format("None") + (
        "<VirtualHost *:80>\nDocumentRoot /srv\n<Directory /srv>\nAllowOverride All\n</Directory>\n</VirtualHost>\n"
    )
    found = read(text, {"srv/.htaccess": "Options Indexes\n", "var/www/.htaccess": "Options Indexes\n"})
    assert found.values["apache.virtual_host[0].directory[/srv].Options"] == ("Indexes",)
    assert found.values["apache.directory[/var/www].Options"] == ("FollowSymLinks",)


def test_files_with_another_name_are_not_known() -> None:
    text = "AccessFileName over.conf\n" + _SITE.format("All")
    found = read_settings(APACHE, {MAIN: text, "etc/apache2/over.conf": "Options All\n"})
    assert found.values["apache.directory[/var/www].Options"] == ("FollowSymLinks",)


@given(st.text('AllowOverride Options+-Indexes<>/\n"FilesDirectory', max_size=80))
def test_any_access_file_is_read(text: str) -> None:
    read(_SITE.format("All"), {"var/www/.htaccess": text})


@pytest.mark.parametrize(
    ("section", "argument", "does_count"),
    [
        ("Directory", "/srv/*/pub", True),
        ("Directory", "/srv/*", True),
        ("Directory", "/*/pub", False),
        ("Directory", "/srv/?/pub", True),
        ("Directory", "/srv/??/pub", False),
        ("DirectoryMatch", "^/srv", True),
        ("Directory ~", "^/none", True),
    ],
)
def test_a_pattern_says_what_may_be_overridden_in_the_folders_that_it_may_fit(
    section: str, argument: str, does_count: bool
) -> None:
    tag = section.partition(" ")[0]
    text = f"DocumentRoot /srv/a/pub\n<{section} {argument}>\nAllowOverride All\n</{tag}>\n"
    found = read(text, {"srv/a/pub/.htaccess": "Options Indexes\n", "srv/a/pub/b/.htaccess": "# nothing\n"})
    told = {s.key: s.value for s in found.settings if s.path.endswith("/.htaccess")}
    assert told == ({"apache.directory[/srv/a/pub].Options": ("Indexes",)} if does_count else {})
    assert found.problems == []


def test_a_folder_of_the_server_and_of_a_host_is_told_once() -> None:
    text = _SITE.format("All") + "<VirtualHost *:80>\nDocumentRoot /var/www\n</VirtualHost>\n"
    found = read(text, {"var/www/.htaccess": "Options Indexes\n"})
    assert [s.key for s in found.settings if s.path == "/var/www/.htaccess"] == ["apache.directory[/var/www].Options"]
