"""sshd: words, values, which line counts, includes, Match blocks, defaults, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.sshd import PARSER as SSHD
from hullmark.facets.configuration.sshd import split_words
from hullmark.facets.configuration.sshd_keywords import KEYWORDS
from hullmark.model.inventory import Distro
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings
from tests.unit.policy.building import package

MAIN = "etc/ssh/sshd_config"


def read(text: str, distro: Distro | None = None, **others: str) -> ReadSettings:
    """The settings of a main file; others stand in sshd_config.d."""
    files = {f"etc/ssh/sshd_config.d/{name}.conf": body for name, body in others.items()}
    return read_settings(SSHD, {MAIN: text, **files}, distro=distro)


def places(found: ReadSettings) -> dict[str, tuple[str, int]]:
    return {setting.key: (setting.path, setting.line) for setting in found.settings}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b\tc", ["a", "b", "c"]),
        ("\"a b\" c'd e'f", ["a b", "cd ef"]),
        (r"a\"b \'c a\ b", ['a"b', "'c", "a b"]),
        (r'"a\"b" c\d', ['a"b', r"c\d"]),
        ("a # b", ["a"]),
        ("a#b", ["a#b"]),
        ('""', [""]),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize("text", ['"a', "a 'b", "a\\\"'b"])
def test_a_quote_that_is_not_closed(text: str) -> None:
    assert split_words(text) is None
    assert read(f"Banner {text}\n").problems == [("/etc/ssh/sshd_config", "line 1: a quote of Banner is not closed")]


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("permitrootlogin WITHOUT-password", "PermitRootLogin", "prohibit-password"),
        ("PermitRootLogin Yes", "PermitRootLogin", "yes"),
        ("PasswordAuthentication=no", "PasswordAuthentication", False),
        ("PasswordAuthentication = YES", "PasswordAuthentication", True),
        ("  UsePAM\tyes\r", "UsePAM", True),
        ("Compression delayed", "Compression", True),
        ("LoginGraceTime 2m", "LoginGraceTime", 120),
        ("LoginGraceTime 1h30", "LoginGraceTime", 3630),
        ("ClientAliveInterval 0", "ClientAliveInterval", 0),
        ("MaxAuthTries 3", "MaxAuthTries", 3),
        ("LogLevel debug1", "LogLevel", "DEBUG"),
        ("Ciphers aes128-ctr,aes256-ctr", "Ciphers", ("aes128-ctr", "aes256-ctr")),
        ("RekeyLimit default 1h", "RekeyLimit", ("0", "3600")),
        ("RekeyLimit 1K", "RekeyLimit", ("1024", "0")),
        ("KeepAlive no", "TCPKeepAlive", False),
        ("Protocol 1,2", "Protocol", "1,2"),
        ('ForceCommand /bin/x "a b" # c', "ForceCommand", '/bin/x "a b" # c'),
        ("Subsystem sftp  internal-sftp -l INFO", "Subsystem", ("sftp internal-sftp -l INFO",)),
        ("ListenAddress ::1", "ListenAddress", ("[::1]:22",)),
        ("ListenAddress [::1]:80 rdomain x", "ListenAddress", ("[::1]:80 rdomain x",)),
        ("ListenAddress 10.0.0.1 rdomain x", "ListenAddress", ("10.0.0.1:22 rdomain x",)),
        ("AddressFamily inet6", "ListenAddress", ("[::]:22",)),
        ("Port 22\nPort 80\nAddressFamily inet", "ListenAddress", ("0.0.0.0:22", "0.0.0.0:80")),
        ("UnusedConnectionTimeout none", "UnusedConnectionTimeout", "none"),
    ],
)
def test_values(line: str, key: str, value: Value) -> None:
    found = read(f"{line}\n")
    assert found.problems == []
    assert found.values[f"sshd.{key}"] == value


@pytest.mark.parametrize(
    "line",
    [
        "NoSuchKeyword yes",
        "PermitRootLogin maybe",
        "PasswordAuthentication on",
        "LoginGraceTime 5x",
        "LoginGraceTime none",
        "MaxAuthTries many",
        "MaxAuthTries -1",
        "Port",
        "UsePAM yes no",
        "RekeyLimit much",
        "Include /nowhere/" + "*?" * 9,
    ],
)
def test_what_sshd_does_not_take_is_a_problem(line: str) -> None:
    found = read(f"\n{line}\nUseDNS yes\n")
    assert [(path, reason.split(":")[0]) for path, reason in found.problems] == [("/etc/ssh/sshd_config", "line 2")]
    assert "sshd.UseDNS" in found.values


def test_the_first_value_counts_and_lists_grow() -> None:
    found = read(
        "X11Forwarding no\nX11Forwarding yes\nAcceptEnv A B\nAcceptEnv C\nAuthorizedKeysFile a b\nAuthorizedKeysFile c\n"
    )
    assert found.values["sshd.X11Forwarding"] is False
    assert found.values["sshd.AcceptEnv"] == ("A", "B", "C")
    assert found.values["sshd.AuthorizedKeysFile"] == ("a", "b")
    assert places(found)["sshd.AcceptEnv"] == ("/etc/ssh/sshd_config", 3)


def test_includes_stand_for_their_lines() -> None:
    found = read(
        "Include sshd_config.d/*.conf /etc/ssh/none*\nPermitRootLogin yes\n",
        b="PermitRootLogin no\n",
        a="UseDNS yes\nMatch User x\nPermitTTY no\n",
    )
    assert found.problems == []
    assert found.values["sshd.PermitRootLogin"] == "no"
    assert places(found)["sshd.PermitRootLogin"] == ("/etc/ssh/sshd_config.d/b.conf", 1)
    assert found.values["sshd.Match[0].PermitTTY"] is False


def test_match_blocks() -> None:
    found = read(
        "PermitRootLogin no\nMatch User a,b Address 10.0.0.0/8\n PermitRootLogin yes\n PermitTTY no\nMatch Group=x\n Banner /x\n"
    )
    assert found.values["sshd.PermitRootLogin"] == "no"
    blocks = {key: value for key, value in found.values.items() if "Match" in key}
    assert blocks == {
        "sshd.Match[0].criteria": "User a,b Address 10.0.0.0/8",
        "sshd.Match[0].PermitRootLogin": "yes",
        "sshd.Match[0].PermitTTY": False,
        "sshd.Match[1].criteria": "Group=x",
        "sshd.Match[1].Banner": "/x",
    }
    assert places(found)["sshd.Match[0].PermitRootLogin"] == ("/etc/ssh/sshd_config", 3)


def test_match_all_holds_for_everyone() -> None:
    found = read("PermitRootLogin no\nMatch User a\nMatch all\nPermitRootLogin yes\n")
    assert found.values["sshd.PermitRootLogin"] == "yes"
    assert places(found)["sshd.PermitRootLogin"] == ("/etc/ssh/sshd_config", 4)


def test_what_a_block_includes_belongs_to_it() -> None:
    found = read(
        "Match User a\nInclude sshd_config.d/a.conf\nPermitTTY no\n",
        a="Banner /x\nMatch Address ::1\nX11Forwarding yes\n",
    )
    assert found.values["sshd.Match[0].Banner"] == "/x"
    assert found.values["sshd.Match[0].PermitTTY"] is False
    assert found.values["sshd.Match[1].criteria"] == "User a Address ::1"
    assert found.values["sshd.Match[1].X11Forwarding"] is True


def test_what_may_not_stand_in_a_block_is_a_problem() -> None:
    found = read("Match User a weather rainy\nPort 23\n")
    assert found.problems == [
        ("/etc/ssh/sshd_config", "line 1: sshd does not know the criterion weather"),
        ("/etc/ssh/sshd_config", "line 2: Port may not stand in a Match block"),
    ]
    assert found.values["sshd.Port"] == ("22",)


def test_defaults_of_what_nothing_sets() -> None:
    upstream, debian = read("").values, read("", Distro(id="ubuntu", id_like=("debian",))).values
    trixie = read("", Distro(id="debian", version_id="13")).values
    assert places(read(""))["sshd.PermitRootLogin"] == ("", 0)
    assert upstream["sshd.PermitRootLogin"] == "prohibit-password"
    assert (upstream["sshd.PidFile"], debian["sshd.PidFile"]) == ("/var/run/sshd.pid", "/run/sshd.pid")
    assert "sshd.Ciphers" not in debian
    assert trixie["sshd.RequiredRSASize"] == 1024
    assert set(upstream) < set(debian) < set(trixie)
    assert {key.removeprefix("sshd.") for key in trixie} <= {keyword.name for keyword in KEYWORDS.values()}


@pytest.mark.parametrize(
    ("line", "added", "missing"),
    [
        ("MACs +hmac-md5", {"hmac-md5", "hmac-sha1"}, set()),
        ("MACs -hmac-sha1,umac-64@openssh.com", {"hmac-sha2-256"}, {"hmac-sha1", "umac-64@openssh.com"}),
        ("MACs ^hmac-sha1", {"hmac-sha1", "hmac-sha2-256"}, set()),
    ],
)
def test_lists_that_change_the_default(line: str, added: set[str], missing: set[str]) -> None:
    value = read(line, Distro(id="debian", version_id="13")).values["sshd.MACs"]
    assert isinstance(value, tuple)
    assert added <= set(value)
    assert not missing & set(value)


def test_a_change_of_a_default_that_is_not_known_stays_as_it_is_written() -> None:
    assert read("MACs -hmac-sha1\n").values["sshd.MACs"] == ("-hmac-sha1",)


def test_without_a_configuration_there_is_nothing() -> None:
    assert read_settings(SSHD, {"etc/ssh/other": ""}).settings == []


def test_bounds() -> None:
    itself = read("Include sshd_config\nUseDNS yes\n")
    assert itself.problems == [("/etc/ssh/sshd_config", "line 1: /etc/ssh/sshd_config includes itself")]
    assert itself.values["sshd.UseDNS"] is True
    many = read("AcceptEnv A\n" * 10_002)
    assert len(many.problems) == 2
    blocks = read("Match User a\n" * 10_002)
    assert len(blocks.problems) == 2


NAMES = st.sampled_from([*sorted(KEYWORDS), "match", "include", "nonsense"])
WORDS = st.text("abAB019 \t\"'\\=#,:*?+-^[]/@.%\n", max_size=20)


@given(st.lists(st.tuples(NAMES, st.sampled_from([" ", "=", "\t= "]), WORDS), max_size=20))
def test_any_lines_are_read(lines: list[tuple[str, str, str]]) -> None:
    text = "\n".join("".join(line) for line in lines)
    assert read(text, Distro(id="debian", version_id="13"), a=text).values["sshd.Port"] != ()


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    assert "sshd.PermitRootLogin" in read(text).values


PLAIN = st.text("abc\"' \\#", min_size=1, max_size=10)


@given(st.lists(PLAIN, min_size=1, max_size=5))
def test_words_come_back_as_they_were_quoted(words: list[str]) -> None:
    quoted = ['"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words]
    assert split_words(" ".join(quoted)) == words


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("Ciphers -aes*", "Ciphers", ("chacha20-poly1305@openssh.com",)),
        ("Ciphers -aes1??-ctr,aes*gcm*,x", "Ciphers", ("chacha20-poly1305@openssh.com", "aes256-ctr")),
        ("Ciphers +aes*", "Ciphers", ("+aes*",)),
    ],
)
def test_patterns_take_away_from_a_default_and_add_what_is_not_known(line: str, name: str, value: Value) -> None:
    server = package("deb", "openssh-server", "1:9.2p1-2")
    found = read_settings(SSHD, {"etc/ssh/sshd_config": f"{line}\n"}, packages=[server])
    assert found.values[f"sshd.{name}"] == value
