"""What a configuration comes to beyond the bounds is left out, and that it is left out is told, whatever the program."""

from __future__ import annotations

import pytest

from hullmark.facets.configuration import collected, include_tree, nginx
from hullmark.facets.configuration.accounts import PASSWD
from hullmark.facets.configuration.apache import PARSER as APACHE
from hullmark.facets.configuration.crontab import PARSER as CRONTAB
from hullmark.facets.configuration.nginx import PARSER as NGINX
from hullmark.facets.configuration.parser import Parser
from hullmark.facets.configuration.systemd import PARSER as SYSTEMD
from tests.support.configuration import read_settings

_UNITS = {f"usr/lib/systemd/system/{name}.service": "[Service]\nUser=x\nGroup=y\n" for name in "abc"}


@pytest.mark.parametrize(
    ("parser", "files"),
    [
        (SYSTEMD, _UNITS),
        (CRONTAB, {"etc/crontab": "A=1\nB=2\n" + "* * * * * root /bin/a\n" * 5}),
        (PASSWD, {"etc/passwd": "".join(f"u{n}:x:{n}:{n}::/:/bin/sh\n" for n in range(5))}),
        (
            APACHE,
            {"etc/apache2/apache2.conf": "".join(f"<Directory /{n}>\nOptions All\n</Directory>\n" for n in range(9))},
        ),
    ],
    ids=lambda case: case.name if isinstance(case, Parser) else "",
)
def test_settings_beyond_the_bound_are_left_out(
    parser: Parser, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read_settings(parser, files).settings
    monkeypatch.setattr(collected, "MAX_SETTINGS", 4)
    found = read_settings(parser, files)
    assert [setting.key for setting in found.settings] == [setting.key for setting in whole][:4]
    assert [reason for _, reason in found.problems] == ["it comes to more than 4 settings; the rest is left out"]


def test_patterns_beyond_the_bound_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(include_tree, "MAX_INCLUDES", 1)
    files = {f"etc/nginx/{name}.conf": f"http {{ include {name}; }}\n" for name in "xyz"}
    text = "include x*;\ninclude y*;\ninclude z*;\nuser a;\n"
    found = read_settings(NGINX, {"etc/nginx/nginx.conf": text, **files})
    assert found.problems == [("/etc/nginx/nginx.conf", "line 1: more is included than is read; the rest is left out")]
    assert found.values["nginx.user"] == "a"


def test_files_behind_the_bound_of_directives_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx, "_MAX_DIRECTIVES", 3)
    files = {"etc/nginx/a.conf": "user a;\npid /a;\nuser b;\n", "etc/nginx/b.conf": "daemon off;\n"}
    found = read_settings(NGINX, {"etc/nginx/nginx.conf": "include [ab].conf;\ndaemon off;\n", **files})
    assert {s.key for s in found.settings if s.path} == {"nginx.user", "nginx.pid"}
    assert [reason for _, reason in found.problems] == [
        "line 3: there are more than 3 directives; the rest is left out"
    ]
