"""nginx: words as its own reader parts them, includes, blocks, inheritance, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.nginx import PARSER as NGINX
from hullmark.facets.configuration.nginx_syntax import Directive, parse
from tests.support.configuration import ReadSettings, read_settings

MAIN = "etc/nginx/nginx.conf"


def read(text: str, **others: str) -> ReadSettings:
    """The settings of a main file; others are named `conf_d__a` for conf.d/a.conf. That nginx refuses made-up directives is left out."""
    files = {f"etc/nginx/{name.replace('__', '/').replace('_d/', '.d/')}.conf": body for name, body in others.items()}
    found = read_settings(NGINX, {MAIN: text, **files})
    found.problems = [problem for problem in found.problems if "refuses to start" not in problem[1]]
    return found


def parsed(text: str) -> tuple[list[Directive], list[tuple[str, int]]]:
    problems: list[tuple[str, int]] = []
    return parse(text, "", lambda reason, line: problems.append((reason, line))), problems


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b c;", ["a", "b", "c"]),
        ("a \"b c\" 'd;e';", ["a", "b c", "d;e"]),
        (r'a "b\"c\n" d\;e;', ["a", 'b"c\n', r"d\;e"]),
        (r"a \d+\.php$;", ["a", r"\d+\.php$"]),
        ("a ${b}c$;", ["a", "${b}c$"]),
        ("a b#c; # d", ["a", "b#c"]),
        ('a it\'s"b";', ["a", 'it\'s"b"']),
        ("a # b;\nc;", ["a", "c"]),
        ('a "b\nc";', ["a", "b\nc"]),
        ('a "";', ["a", ""]),
        ('if_ ("$x" = "y");', ["if_", '("$x"', "=", "y", ")"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    (directive,), problems = parsed(text)
    assert [directive.name, *directive.arguments] == words
    assert problems == []


@pytest.mark.parametrize(
    ("text", "names", "line"),
    [
        ("a b;\nc {\n d e;\n", ["a", "c"], 4),
        ("a b;\n}\nc d;", ["a", "c"], 2),
        ('a b;\nc "d', ["a"], 2),
        ("a b;\n;\nc d;", ["a", "c"], 2),
        ("a b;\nc d", ["a"], 2),
        ('a b;\nc "d"e;\nf g;', ["a", "c", "f"], 2),
        ("a b;\nx_by_lua_block { if {\n", ["a"], 2),
        ("a b;\nc\\", ["a"], 2),
        ("a {" * 40, ["a"], 1),
    ],
)
def test_what_nginx_refuses_is_told_with_its_line(text: str, names: list[str], line: int) -> None:
    directives, problems = parsed(text)
    assert [directive.name for directive in directives] == names
    assert [where for _, where in problems] == [line]


def written(word: str, quote: str) -> str:
    """A word as it has to be written so that it is read back."""
    escaped = word.replace("\\", "\\\\").replace(quote, "\\" + quote)
    return f"{quote}{escaped}{quote}"


@given(st.lists(st.tuples(st.text(max_size=20), st.sampled_from("\"'")), min_size=1, max_size=5))
def test_written_words_are_read_back(words: list[tuple[str, str]]) -> None:
    (directive,), problems = parsed("\n ".join(written(*word) for word in words) + ";")
    assert [directive.name, *directive.arguments] == [word for word, _ in words]
    assert problems == []


TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.sampled_from(
            [
                "a",
                " ",
                "{",
                "}",
                ";",
                '"',
                "'",
                "\\",
                "#",
                "\n",
                "${",
                "include ",
                "*",
                "x_by_lua_block",
                "[[",
                "--",
                "http",
                "server",
            ]
        ),
        max_size=60,
    ).map("".join),
)


@given(TEXTS)
def test_any_text_is_read(text: str) -> None:
    read(text)


@given(
    st.lists(
        st.sampled_from(["{ }", '"}"', "'\\'}'", "[[ } ]]", "[==[ } ]] ]==]", "-- }\n", "--[[ } \n]]", "x = 1\n"]),
        max_size=8,
    )
)
def test_lua_ends_where_its_block_ends(pieces: list[str]) -> None:
    code = " ".join(pieces)
    directives, problems = parsed(f"content_by_lua_block {{ {code} }} a b;")
    assert [directive.name for directive in directives] == ["content_by_lua_block", "a"]
    assert directives[0].code == code.strip()
    assert directives[1].line == 1 + code.count("\n")
    assert problems == []


SITE = """\
user www www;
worker_processes auto;
events { worker_connections 768; }
http {
    include mime.conf;
    add_header X-A 1;
    add_header X-B "two words" always;
    server_tokens off;
    access_log /a.log main;
    map $a $b { default 0; ~^x 1; include table.conf; }
    upstream back { server a:1; server b:2 backup; keepalive 8; }
    server {
        listen 80;
        listen 443 ssl;
        server_name a.example b.example;
        ssl_protocols TLSv1.2 TLSv1.3;
        client_max_body_size 8m;
        allow 10.0.0.0/8;
        deny all;
        location / {
            add_header X-C 3;
            proxy_pass http://back;
            location ~ \\.php$ { autoindex on; deny 10.1.1.1; if ($x) { return 403; } }
        }
        location = /x { internal; root /y; }
    }
    include conf.d/*.conf;
}
stream { proxy_timeout 5s; server { listen 53 udp; } }
"""


def test_levels_inherit() -> None:
    found = read(
        SITE,
        mime="types { text/html html htm; }",
        table="y 2;",
        conf_d__b="server { server_name c; }",
        conf_d__a="autoindex on;",
    )
    assert found.problems == []
    values, places = found.values, {setting.key: (setting.path, setting.line) for setting in found.settings}
    server, location = "nginx.http.server[0]", "nginx.http.server[0].location[0]"
    assert (values["nginx.user"], values["nginx.group"]) == ("www", "www")
    assert values["nginx.worker_processes"] == "auto"
    assert values["nginx.events.worker_connections"] == 768
    assert values["nginx.http.types[0].entries"] == ("text/html html htm",)
    assert values["nginx.http.map[0].arguments"] == "$a $b"
    assert values["nginx.http.map[0].entries"] == ("default 0", "~^x 1", "y 2")
    assert values["nginx.http.upstream[0].name"] == "back"
    assert values["nginx.http.upstream[0].server"] == ("a:1", "b:2 backup")
    assert values[f"{server}.listen"] == ("80", "443 ssl")
    assert values[f"{server}.server_name"] == ("a.example", "b.example")
    assert values[f"{server}.add_header"] == ("X-A 1", "X-B two words always")
    assert places[f"{server}.add_header"] == ("/etc/nginx/nginx.conf", 6)
    assert values[f"{server}.server_tokens"] == "off"
    assert values[f"{server}.autoindex"] is True
    assert places[f"{server}.autoindex"] == ("/etc/nginx/conf.d/a.conf", 1)
    assert values[f"{location}.path"] == "/"
    assert values[f"{location}.add_header"] == ("X-C 3",)
    assert values[f"{location}.location[0].add_header"] == ("X-C 3",)
    assert values[f"{location}.location[0].path"] == r"~ \.php$"
    assert values[f"{location}.location[0].deny"] == ("10.1.1.1",)
    assert values[f"{location}.deny"] == ("all",)
    assert values[f"{location}.location[0].if[0].condition"] == "($x)"
    assert values[f"{location}.location[0].if[0].return"] == ("403",)
    assert values[f"{location}.client_max_body_size"] == "8m"
    assert values[f"{server}.location[1].internal"] is None
    assert values["nginx.http.server[1].server_name"] == ("c",)
    assert values["nginx.http.server[1].client_max_body_size"] == "1m"
    assert places["nginx.http.server[1].client_max_body_size"] == ("", 0)
    assert values["nginx.stream.server[0].proxy_timeout"] == "5s"
    for absent in ("location[0].location[0].allow", "location[0].location[0].proxy_pass", "location[0].listen"):
        assert f"{server}.{absent}" not in values
    assert f"{location}.ssl_protocols" not in values


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("http { autoindex ON; }", "nginx.http.autoindex", True),
        ("http { autoindex maybe; }", "nginx.http.autoindex", "maybe"),
        ("http { server_tokens off; }", "nginx.http.server_tokens", "off"),
        ("http { keepalive_requests 10; }", "nginx.http.keepalive_requests", 10),
        ("worker_processes 4;", "nginx.worker_processes", 4),
        (
            "http { server { error_page 404 /a; error_page 500 502 /b; } }",
            "nginx.http.server[0].error_page",
            ("404 /a", "500 502 /b"),
        ),
        ("http { third a b; third c; }", "nginx.http.third", ("a b", "c")),
        ("http { server { root /a; location / { alias /b/; } } }", "nginx.http.server[0].location[0].alias", "/b/"),
        ("load_module modules/x.so;", "nginx.load_module", ("modules/x.so",)),
        ("error_log /e warn;\nhttp { server { } }", "nginx.http.server[0].error_log", ("/e warn",)),
        ("http { init_by_lua_block { a = {} } }", "nginx.http.init_by_lua_block", "a = {}"),
        ("http { set_by_lua_block $r { return 1 } }", "nginx.http.set_by_lua_block", "$r return 1"),
        ("mail { server { protocol imap; } }", "nginx.mail.server[0].starttls", "off"),
        ("http { geo $a { default 0; 10.0.0.0/8 1; } }", "nginx.http.geo[0].entries", ("default 0", "10.0.0.0/8 1")),
    ],
)
def test_values(text: str, key: str, value: object) -> None:
    found = read(text)
    assert found.values[key] == value
    assert found.problems == []


def test_alias_takes_the_place_of_root() -> None:
    assert (
        "nginx.http.server[0].location[0].root"
        not in read("http { server { root /a; location / { alias /b/; } } }").values
    )


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ("include conf.d/missing.conf;", MAIN, "line 1: /etc/nginx/conf.d/missing.conf is not there"),
        ("\ninclude nginx.conf;", MAIN, "line 2: /etc/nginx/nginx.conf includes itself"),
        ("include a b;", MAIN, "line 1: an include of other than one name"),
        ("include conf.d/one.conf;", "etc/nginx/conf.d/one.conf", 'line 2: "}" without a block that it ends'),
        ("a\n{ a-b c; }", MAIN, "line 2: this is not a directive, and is left out"),
        ("include conf.d/*a*b*c*d*e*;", MAIN, "line 1: a pattern with too many stars, which is not followed"),
    ],
)
def test_problems(text: str, path: str, reason: str) -> None:
    assert read(text, conf_d__one="a b;\n}").problems == [(f"/{path}", reason)]


def test_links_and_globs_are_followed() -> None:
    found = read_settings(
        NGINX,
        {
            MAIN: "http { include /etc/nginx/sites-enabled/*; }",
            "etc/nginx/sites-available/one": "server { listen 1; }",
            "etc/nginx/sites-enabled/.hidden": "server { listen 2; }",
        },
        links={"etc/nginx/sites-enabled/one": "../sites-available/one"},
    )
    assert found.values["nginx.http.server[0].listen"] == ("1",)
    assert "nginx.http.server[1].listen" not in found.values
    assert found.problems == []


def test_a_second_installation_has_its_own_name() -> None:
    files = {MAIN: "user a;", "usr/local/nginx/conf/nginx.conf": "user b;"}
    found = read_settings(NGINX, files, links={"usr/local/openresty/nginx/conf": "/etc/nginx"})
    assert found.values["nginx.user"] == "a"
    assert found.values["nginx[/usr/local/nginx/conf/nginx.conf].user"] == "b"
    assert len({key.split(".user")[0] for key in found.values if key.endswith(".user")}) == 2


def test_without_a_main_file_there_are_no_settings() -> None:
    assert read_settings(NGINX, {"etc/nginx/conf.d/a.conf": "server { }"}).settings == []


def test_what_has_no_end_is_cut_short() -> None:
    files = {
        f"conf_d__{name}": f"include conf.d/{after}.conf; " * 2
        for name, after in zip("abcdefghijk", "bcdefghijkl", strict=True)
    }
    found = read("include conf.d/a.conf;", **files, conf_d__l="a b;")
    assert [reason.partition(": ")[2] for _, reason in found.problems] == [
        "more is included than is read; the rest is left out"
    ]
    many = read("http { " + "server { location / { } } " * 4000 + "}")
    assert len(many.settings) == 100_000
    assert many.problems == [(f"/{MAIN}", "it comes to more than 100,000 settings; the rest is left out")]
    deep = "http { server { " + "location / { " * 28
    assert [reason for _, reason in read(deep).problems] == ["line 1: the file ends within a block"]
    crowd = read("include conf.d/*.conf;", conf_d__a="a;" * 120_000, conf_d__b="b;" * 120_000)
    assert [reason for _, reason in crowd.problems] == [
        "line 1: there are more than 200,000 directives; the rest is left out"
    ]


@pytest.mark.parametrize(
    "text",
    [
        '"' * 200_000,
        '"\\' * 100_000,
        "$" * 200_000,
        "x_by_lua_block {" + '"\\' * 100_000,
        "x_by_lua_block {" + "--[[[=[" * 30_000,
    ],
)
def test_text_that_repeats_itself_is_read(text: str) -> None:
    assert read(text).values["nginx.worker_processes"] == 1


def test_a_block_that_may_stand_once_is_refused_where_it_stands_twice() -> None:
    found = read_settings(
        NGINX, {"etc/nginx/nginx.conf": "events {}\nhttp { server_tokens on; }\nhttp { server_tokens off; }\n"}
    )
    assert found.problems == [
        ("/etc/nginx/nginx.conf", "line 3: nginx refuses to start: http: there may be only one such block")
    ]
    assert found.values["nginx.http.server_tokens"] == ("on", "off")


def test_what_stands_in_a_block_of_another_module_is_not_judged() -> None:
    found = read_settings(
        NGINX, {"etc/nginx/nginx.conf": "events {}\nload_module a.so;\nmine { server_tokens odd; theirs a; }\n"}
    )
    assert found.problems == []
    assert found.values["nginx.mine[0].server_tokens"] == "odd"
