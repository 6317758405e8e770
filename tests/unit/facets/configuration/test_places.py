"""Where settings are written: real files behind links, each line that contributes, and the Match that bounds it."""

from __future__ import annotations

import pytest

from hullmark.facets.configuration.apache import PARSER as APACHE
from hullmark.facets.configuration.facet import FACET
from hullmark.facets.configuration.mysql import PARSER as MYSQL
from hullmark.facets.configuration.nginx import PARSER as NGINX
from hullmark.facets.configuration.parser import Parser
from hullmark.facets.configuration.redis import PARSER as REDIS
from hullmark.facets.configuration.sshd import PARSER as SSHD
from hullmark.facets.configuration.sudoers import PARSER as SUDOERS
from hullmark.facets.kept import KEPT
from hullmark.facets.view import ImageView
from hullmark.rootfs.squash import squash
from tests.support.configuration import read_settings
from tests.support.layers import TarBuilder, records

_SUDOERS = """\
User_Alias OPS = ann, DEVS
User_Alias DEVS = bob
Cmnd_Alias SHELLS = /bin/sh
Defaults env_keep = "A"
Defaults env_keep += "B"
Defaults !authenticate
OPS ALL=(root) NOPASSWD: SHELLS
carl ALL=(root) /bin/ls
"""


@pytest.mark.parametrize(
    ("parser", "path", "text", "key", "lines"),
    [
        (SUDOERS, "etc/sudoers", _SUDOERS, "sudoers.rule[0].commands", [7, 1, 2, 3]),
        (SUDOERS, "etc/sudoers", _SUDOERS, "sudoers.rule[1].commands", [8]),
        (SUDOERS, "etc/sudoers", _SUDOERS, "sudoers.defaults.env_keep", [5, 4]),
        (SUDOERS, "etc/sudoers", _SUDOERS, "sudoers.nopasswd", [7, 1, 2, 8, 6]),
        (SSHD, "etc/ssh/sshd_config", "AllowUsers a\nPort 22\nAllowUsers b\n", "sshd.AllowUsers", [1, 3]),
        (
            NGINX,
            "etc/nginx/nginx.conf",
            "http {\nserver {\nlisten 1;\n\nlisten 2;\n}\n}",
            "nginx.http.server[0].listen",
            [3, 5],
        ),
        (APACHE, "etc/apache2/apache2.conf", "Listen 1\n\nListen 2\n", "apache.Listen", [1, 3]),
        (
            APACHE,
            "etc/apache2/apache2.conf",
            "Options Indexes\n<Directory /a>\nOptions +ExecCGI\nOptions -Indexes\n</Directory>\n",
            "apache.directory[/a].Options",
            [4, 1, 3],
        ),
        (APACHE, "etc/apache2/apache2.conf", "Options Indexes\nOptions None\n", "apache.Options", [2]),
        (REDIS, "etc/redis.conf", "save 1 2\n\nsave 3 4\n", "redis.server[/etc/redis.conf].save", [3, 1]),
        (MYSQL, "etc/my.cnf", "[mysqld]\nbinlog_do_db=a\nbinlog_do_db=b\n", "mysql.server.binlog_do_db", [3, 2]),
    ],
)
def test_each_line_that_contributes_is_told(parser: Parser, path: str, text: str, key: str, lines: list[int]) -> None:
    (setting,) = (setting for setting in read_settings(parser, {path: text}).settings if setting.key == key)
    assert [setting.line, *(place.line for place in setting.more)] == lines
    assert {setting.path, *(place.path for place in setting.more)} == {f"/{path}"}


def test_a_match_for_all_in_a_file_that_a_match_includes_is_bound_by_it() -> None:
    files = {
        "etc/ssh/sshd_config": "PermitRootLogin no\nMatch User bob\nInclude /etc/ssh/more.conf\n",
        "etc/ssh/more.conf": "Match all\nPermitRootLogin yes\n",
    }
    found = read_settings(SSHD, files)
    assert found.values["sshd.PermitRootLogin"] == "no"
    assert found.values["sshd.Match[1].criteria"] == "User bob all"
    assert found.values["sshd.Match[1].PermitRootLogin"] == "yes"
    (criteria,) = (setting for setting in found.settings if setting.key == "sshd.Match[1].criteria")
    assert [(place.path, place.line) for place in criteria.more] == [("/etc/ssh/sshd_config", 2)]


def test_the_real_file_behind_a_link_is_told() -> None:
    tar = TarBuilder().add("etc/nginx/nginx.conf", b"http {\ninclude /etc/nginx/on/*;\n}\n")
    tar = tar.add("etc/nginx/sites/a.conf", b"server_tokens off;\nadd_header A 1;\nadd_header B 2;\n")
    tar = tar.symlink("etc/nginx/on/a", "../sites/a.conf")
    made = records([tar.done()], reads=(KEPT,))
    found = FACET.assemble(ImageView(squash(made), made, None, None, "configuration"))
    settings = {setting.key: setting for setting in found.settings}
    tokens, headers = settings["nginx.http.server_tokens"], settings["nginx.http.add_header"]
    assert (tokens.path, tokens.line, tokens.file, tokens.layer) == ("/etc/nginx/on/a", 1, "/etc/nginx/sites/a.conf", 0)
    assert [(place.line, place.file, place.layer) for place in headers.more] == [(3, "/etc/nginx/sites/a.conf", 0)]
    assert settings["nginx.daemon"].file == ""
