"""Apache httpd: where distributions have its configuration, and what is told of several."""

from __future__ import annotations

import pytest

from hullmark.facets.configuration.apache import PARSER as APACHE
from tests.support.configuration import read_settings
from tests.unit.facets.configuration.test_apache import MAIN


@pytest.mark.parametrize(
    ("main", "root", "is_debian"),
    [
        ("etc/apache2/apache2.conf", "etc/apache2", True),
        ("etc/apache2/httpd.conf", "etc/apache2", False),
        ("etc/httpd/conf/httpd.conf", "etc/httpd", False),
        ("usr/local/apache2/conf/httpd.conf", "usr/local/apache2", False),
    ],
)
def test_installations(main: str, root: str, is_debian: bool) -> None:
    found = read_settings(APACHE, {main: "Include conf/a.conf\n", f"{root}/conf/a.conf": "ServerName x"})
    assert found.problems == []
    assert found.values["apache.ServerName"] == "x"
    assert ("unixd_module" in found.values["apache.modules"]) == is_debian  # type: ignore[operator]


def test_a_second_installation_has_its_own_name() -> None:
    found = read_settings(APACHE, {MAIN: "ServerName a", "usr/local/apache2/conf/httpd.conf": "ServerName b"})
    assert found.values["apache.ServerName"] == "a"
    assert found.values["apache[/usr/local/apache2/conf/httpd.conf].ServerName"] == "b"
