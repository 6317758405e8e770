"""Apache httpd: lines, words and variables, conditions, includes, sections, what is taken over, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.apache import PARSER as APACHE
from hullmark.facets.configuration.apache_syntax import environment, lines, words
from tests.support.configuration import ReadSettings, read_settings

MAIN = "etc/apache2/apache2.conf"


def read(text: str, files: dict[str, str] | None = None) -> ReadSettings:
    return read_settings(APACHE, {MAIN: text, **(files or {})})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a b\n\n # c\n  d  \r\n", [(1, "a b"), (4, "d")]),
        ("a \\\n  b \\\nc\nd", [(1, "a   b c"), (4, "d")]),
        ("# a \\\nb\nc", [(3, "c")]),
        ("a \\\r\nb", [(1, "a b")]),
        ("a \\", [(1, "a")]),
        ("\\\n\\\na", [(1, "a")]),
    ],
)
def test_lines(text: str, found: list[tuple[int, str]]) -> None:
    assert list(lines(text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        ('"a b" \'c "d\'', ["a b", 'c "d']),
        (r'"a\"b\\c\d"', [r'a"b\c\d']),
        (r"a\\b\"c", [r"a\b\"c"]),
        ('"a"b', ["a", "b"]),
        ('"a b', ["a b"]),
        ('a"b c"', ['a"b', 'c"']),
        ('""', [""]),
        ("", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(st.lists(st.tuples(st.text(max_size=20), st.sampled_from("\"'")), max_size=5))
def test_written_words_are_read_back(written: list[tuple[str, str]]) -> None:
    line = " ".join(quote + word.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote for word, quote in written)
    assert words(line) == [word for word, _ in written]


PIECES = st.lists(
    st.sampled_from(
        [
            "<Directory ",
            "</Directory>",
            "<IfModule ",
            "</IfModule>",
            "<",
            "</",
            ">",
            "~",
            '"',
            "'",
            "\\",
            "\n",
            "\n",
            " ",
            "${",
            "}",
            "Define ",
            "Include ",
            "Options ",
            "+",
            "A",
            "*",
            "!",
            "<VirtualHost ",
            "</VirtualHost>",
            "<IfVersion >= 2.4.9>",
            "#",
        ]
    ),
    max_size=40,
)


@given(st.one_of(st.text(max_size=100), PIECES.map("".join)))
def test_any_text_is_read(text: str) -> None:
    read(text, {"etc/apache2/envvars": text})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("export A=b\nC=d\nexport E=$C/${A}x", {"A": "b", "E": "d/bx"}),
        ("export A='$B' C\nexport D=\"a b\" # c", {"A": "$B", "D": "a b"}),
        ("if [ x ]; then\n S=1\nelse\n S=2\nfi\nexport S", {"S": "2"}),
        ("if [ x ]; then\n S=1\nfi\nexport S", {}),
        (": ${A:=b}\nexport A\n: ${A:=c}", {"A": "b"}),
        ("export A=${B:-c}${D-}$E", {"A": "c"}),
        ("export A=$(id -u)\nexport B=`id`", {}),
        ("export A=b\nunset A", {}),
        ("export A=b;C=d", {"A": "b"}),
        ("export A=aaaaaaaaaaaaaaaa\n" + "export A=$A$A\n" * 40, {}),
    ],
)
def test_environment(text: str, found: dict[str, str]) -> None:
    assert environment(text) == found


def test_the_server_and_its_hosts() -> None:
    found = read(
        """\
servertokens ProductOnly
ServerSignature email
Timeout 30
User ${RUN}
Listen 80
Listen 443
KeepAlive off
SSLEngine on
Header set A "b c"
Header set D e
UnknownThing x
unknownthing y
<VirtualHost *:80 [::1]:80>
    ServerName a.example
    ServerAlias b c
    Timeout 5
    <Location "/s">
        Require ip 10.0.0.0/8
        <RequireAll>
            Require all granted
            Require not ip 1.2.3.4
        </RequireAll>
    </Location>
</VirtualHost>
<VirtualHost _default_:443>
    ServerSignature Off
</VirtualHost>
""",
        {"etc/apache2/envvars": "export RUN=www\n"},
    )
    assert found.problems == []
    host = "apache.virtual_host[0]"
    expected: dict[str, object] = {
        "apache.ServerTokens": "Prod",
        "apache.ServerSignature": "EMail",
        "apache.User": "www",
        "apache.Listen": ("80", "443"),
        "apache.KeepAlive": False,
        "apache.Header": ("set A b c", "set D e"),
        "apache.UnknownThing": ("x", "y"),
        f"{host}.addresses": ("*:80", "[::1]:80"),
        f"{host}.ServerName": "a.example",
        f"{host}.ServerAlias": ("b", "c"),
        f"{host}.Timeout": 5,
        f"{host}.KeepAlive": False,
        f"{host}.SSLEngine": True,
        f"{host}.ServerSignature": "EMail",
        f"{host}.TraceEnable": "on",
        f"{host}.location[/s].Require": ("ip 10.0.0.0/8",),
        f"{host}.location[/s].require_all[0].Require": ("all granted", "not ip 1.2.3.4"),
        "apache.virtual_host[1].ServerSignature": "Off",
        "apache.virtual_host[1].Timeout": 30,
    }
    assert {key: found.values.get(key) for key in expected} == expected
    assert f"{host}.ServerTokens" not in found.values
    places = {setting.key: (setting.path, setting.line) for setting in found.settings}
    assert places["apache.virtual_host[1].Timeout"] == (f"/{MAIN}", 3)
    assert places[f"{host}.TraceEnable"] == ("", 0)


FOLDERS = """\
<Directory />
    Options None
    AllowOverride None
</Directory>
<Directory "/srv">
    Options Indexes FollowSymLinks
    AllowOverride all
</Directory>
<Directory /srv/a/>
    Options +ExecCGI -Indexes
</Directory>
<Directory /srv/b>
    DirectoryIndex x
</Directory>
<Directory /srv/b>
    Options all
    Options -Includes
</Directory>
<Directory ~ "^/x">
    Options +Indexes
</Directory>
<FilesMatch "^\\.ht">
    Require all denied
</FilesMatch>
<VirtualHost *>
    <Directory /srv/a>
        Options +MultiViews
    </Directory>
    <Directory /srv/c>
        AllowOverride None
    </Directory>
</VirtualHost>
"""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("directory[/].Options", ()),
        ("directory[/].AllowOverride", ()),
        ("directory[/srv].Options", ("FollowSymLinks", "Indexes")),
        ("directory[/srv].AllowOverride", ("AuthConfig", "FileInfo", "Indexes", "Limit", "Options")),
        ("directory[/srv/a/].Options", ("ExecCGI", "FollowSymLinks")),
        ("directory[/srv/b].Options", ("ExecCGI", "FollowSymLinks", "Indexes")),
        ("directory[/srv/b].DirectoryIndex", ("x",)),
        ("directory_match[^/x].Options", ("+Indexes",)),
        (r"files_match[^\.ht].Require", ("all denied",)),
        ("virtual_host[0].directory[/srv/a].Options", ("ExecCGI", "FollowSymLinks", "MultiViews")),
        ("virtual_host[0].directory[/srv/c].Options", ("FollowSymLinks", "Indexes")),
        ("virtual_host[0].directory[/srv/c].AllowOverride", ()),
    ],
)
def test_folders_take_over_from_those_above(key: str, value: tuple[str, ...]) -> None:
    found = read(FOLDERS)
    assert found.values[f"apache.{key}"] == value
    assert found.problems == []


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("all -SSLv3 -TLSv1 -TLSv1.1", ("TLSv1.2", "TLSv1.3")),
        ("-all +TLSv1.2 +tlsv1.3", ("TLSv1.2", "TLSv1.3")),
        ("TLSv1.2 TLSv1.3", ("TLSv1.3",)),
        ("All", ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")),
    ],
)
def test_protocols(written: str, value: tuple[str, ...]) -> None:
    assert read(f"SSLProtocol TLSv1\nSSLProtocol {written}").values["apache.SSLProtocol"] == value


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("IfModule mod_ssl.c", True),
        ("IfModule ssl_module", True),
        ("IfModule !mod_ssl.c", False),
        ("IfModule mod_php.c", False),
        ("IfModule core.c", True),
        ("IfModule prefork.c", False),
        ("IfModule mpm_event_module", True),
        ("IfModule event.c", True),
        ("IfDefine A", True),
        ("IfDefine B", False),
        ("IfDefine !B", True),
        ("IfVersion >= 2.4", True),
        ("IfVersion < 2.4", False),
        ("IfVersion >= 2.2.31", True),
        ("IfVersion 2.2", False),
        ("IfVersion < 2.5", True),
        ("IfVersion > 3", False),
        ("IfFile /etc/apache2/x.conf", True),
        ("IfFile y.conf", False),
        ("IfDirective ServerTokens", True),
        ("IfSection VirtualHost", True),
    ],
)
def test_conditions(condition: str, holds: bool) -> None:
    text = f"""\
LoadModule ssl_module /m/mod_ssl.so
LoadModule mpm_event_module /m/e.so
Define A
<{condition}>
    <Location /in>
        Require x
    </Location>
</{condition.split()[0]}>
ServerName y
"""
    text = "LoadModule authz_core_module /m/a.so\n" + text
    found = read(text, {"etc/apache2/x.conf": ""})
    assert ("apache.location[/in].Require" in found.values) == holds
    assert found.values["apache.ServerName"] == "y"
    assert found.values["apache.defines"] == ("A",)
    assert found.values["apache.modules"][-2:] == ("ssl_module", "mpm_event_module")  # type: ignore[index]
    assert found.problems == []


def test_includes_and_variables() -> None:
    found = read(
        """\
ServerRoot "/etc/apache2"
Define D /etc/apache2/extra
Include ${D}
IncludeOptional none/*.conf
IncludeOptional none.conf
<Directory /x>
    Include conf/*.conf
</Directory>
UnDefine D
RewriteRule ^ ${map:x}
""",
        {
            "etc/apache2/extra/a.conf": "ServerAdmin a\n",
            "etc/apache2/extra/deep/b.conf": "ServerAdmin b\n",
            "etc/apache2/conf/c.conf": "Require all granted\n",
        },
    )
    assert found.problems == []
    assert found.values["apache.ServerAdmin"] == "b"
    assert found.values["apache.directory[/x].Require"] == ("all granted",)
    assert found.values["apache.RewriteRule"] == ("^ ${map:x}",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\nUser ${X}", "line 2: the variable X has no value here"),
        ("Include x.conf", "line 1: /etc/apache2/x.conf is not there"),
        ("Include x/*.conf", "line 1: /etc/apache2/x/*.conf is not there"),
        ("Include apache2.conf", f"line 1: /{MAIN} includes itself"),
        ("<Directory /x>\nOptions None", "line 2: the file ends within <directory>"),
        ("</Directory>", "line 1: </directory> ends no section that is open"),
        ("<Directory /x\n</Directory>", 'line 1: <Directory> is not closed by ">"'),
        (
            "<IfVersion >= 2.4.41>\nA b\n</IfVersion>",
            "line 1: whether <ifversion >= 2.4.41> holds is not known; what depends on it is left out",
        ),
        (
            "<IfVersion ~ /x/>\n</IfVersion>",
            "line 1: whether <ifversion ~ /x/> holds is not known; what depends on it is left out",
        ),
        (
            "<IfDirective X>\n</IfDirective>",
            "line 1: whether <ifdirective X> holds is not known; what depends on it is left out",
        ),
        ("<Macro m $a>\n<Directory $a>\n</Macro>", "line 1: what <Macro> holds is not read"),
        ("Use m x", "line 1: what the macro m holds is not read"),
        ("a-b c", "line 1: this is not a directive, and is left out"),
        ("<Directory /x>\n" * 40 + "</Directory>\n" * 40, "sections stand too deep"),
    ],
)
def test_problems(text: str, reason: str) -> None:
    problems = read(text).problems
    assert problems[0][0] == f"/{MAIN}"
    assert reason in problems[0][1]
    assert len({path for path, _ in problems}) == 1


def test_one_folder_is_one_section_however_it_is_spelled() -> None:
    found = read(
        "<Directory /a/>\nOptions All\n</Directory>\n<Directory //a>\nOptions -Includes\nRequire x\n</Directory>"
    )
    assert found.values["apache.directory[/a/].Options"] == ("ExecCGI", "FollowSymLinks", "Indexes")
    assert found.values["apache.directory[/a/].Require"] == ("x",)


@pytest.mark.parametrize(
    "text", ["a " + "${" * 100_000, "a " + "<" * 200_000, 'a "' + '\\"' * 100_000, "\\\n" * 60_000]
)
def test_text_that_repeats_itself_is_read(text: str) -> None:
    assert read(text).values["apache.ServerTokens"] == "Full"


def test_what_has_no_end_is_cut_short() -> None:
    growing = read("Define A aaaaaaaaaaaaaaaa\n" + "Define A ${A}${A}\n" * 40).problems
    assert growing
    assert all("has no value" in reason or "too much text" in reason for _, reason in growing)
    crowd = {f"etc/apache2/x/{i}.conf": "a b\n" * 60_000 for i in range(4)}
    reasons = [reason for _, reason in read("Include x/*.conf", crowd).problems]
    assert reasons == ["line 20000: there are more than 200,000 directives; the rest is left out"]
    named = read("".join(f"<Directory /{i}/{'x' * 300}>\nA b\n</Directory>\n" for i in range(3)))
    assert named.values["apache.directory[2].A"] == "b"
    assert max(len(key) for key in named.values) < 100


def test_what_ends_no_section_is_told_where_it_is_read_and_odd_sections_hide_nothing_behind_them() -> None:
    passed_over = "<IfModule none>\n</Files>\n<Files x>\n</IfModule>\n</Files>\n</IfModule>\n"
    found = read(f"</Directory>\n{passed_over}<LuaHookX y>\nUser b\n</LuaHookX>\nUser a\n")
    assert found.problems == [(f"/{MAIN}", "line 1: </directory> ends no section that is open")]
    assert found.values["apache.User"] == "a"


@pytest.mark.parametrize(("operator", "holds"), [(">=", True), ("<", False)])
def test_every_release_of_today_is_at_least_the_first_stable_one(operator: str, holds: bool) -> None:
    found = read(f"ServerTokens Full\n<IfVersion {operator} 2.4.1>\nServerTokens Prod\n</IfVersion>\n")
    assert found.values["apache.ServerTokens"] == ("Prod" if holds else "Full")
    assert found.problems == []
