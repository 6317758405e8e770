"""Accounts and access on a real Debian root: the programs themselves say what their configuration comes to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hullmark.facets.configuration.accounts import GROUP, PASSWD
from hullmark.facets.configuration.crontab import PARSER as CRONTAB
from hullmark.facets.configuration.pam import PARSER as PAM
from hullmark.facets.configuration.parser import Parser
from hullmark.facets.configuration.ssh_keys import PARSER as SSH_KEYS
from hullmark.facets.configuration.ssh_keys import private_key
from hullmark.facets.configuration.sshd import PARSER as SSHD
from hullmark.facets.configuration.sshd_keywords import KEYWORDS
from hullmark.facets.configuration.sudoers import PARSER as SUDOERS
from hullmark.facets.configuration.systemd import PARSER as SYSTEMD
from hullmark.model.inventory import Distro
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings
from tests.support.configured import files_below, run_in

pytestmark = pytest.mark.slow

TRIXIE = Distro(id="debian", version_id="13")
PARSERS = (SSHD, SUDOERS, PAM, PASSWD, GROUP, CRONTAB, SSH_KEYS, SYSTEMD)
COMMAS = {keyword.name for keyword in KEYWORDS.values() if keyword.kind == "commas"}


@pytest.fixture
def scratch(root: Path) -> Iterator[Path]:
    """A folder of our own in the root's /etc/ssh."""
    folder = root / f"etc/ssh/oracle-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def read(root: Path, parser: Parser, **replaced: str) -> ReadSettings:
    """A parser's settings of the root's files, `etc__sudoers="…"` in the place of a file."""
    files, links = files_below(root, parser.globs)
    modes = {name: (root / name).stat().st_mode & 0o7777 for name in files}
    files |= {name.replace("__", "/"): body.encode() for name, body in replaced.items()}
    return read_settings(parser, files, links=links, modes=modes, distro=TRIXIE)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_what_packages_install_is_read_without_a_problem(root: Path, parser: Parser) -> None:
    found = read(root, parser)
    assert found.problems == []
    assert found.settings != []


def printed(name: str, value: Value) -> list[str]:
    """A setting as `sshd -T` prints it."""
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if name == "PermitRootLogin" and value == "prohibit-password":
        return ["without-password"]
    if not isinstance(value, tuple):
        return [str(value)]
    if name in COMMAS:
        return [",".join(value)]
    grows = (
        "Port",
        "ListenAddress",
        "HostKey",
        "AcceptEnv",
        "SetEnv",
        "Subsystem",
        "AllowUsers",
        "DenyUsers",
        "AllowGroups",
    )
    return sorted(value) if name in grows else [" ".join(value)]


def told(found: ReadSettings, *blocks: int) -> dict[str, list[str]]:
    """All settings as `sshd -T` prints them, with the blocks that match laid over."""
    values = {key.removeprefix("sshd."): value for key, value in found.values.items() if "[" not in key}
    for block in blocks:
        prefix = f"sshd.Match[{block}]."
        own = {key.removeprefix(prefix): value for key, value in found.values.items() if key.startswith(prefix)}
        values |= {name: value for name, value in own.items() if name != "criteria"}
    return {name.lower(): printed(name, value) for name, value in values.items()}


def asked(root: Path, *arguments: str) -> dict[str, list[str]]:
    """What `sshd -T` prints, by keyword."""
    (root / "run/sshd").mkdir(exist_ok=True)
    found: dict[str, list[str]] = {}
    for line in run_in(root, "sshd", "-T", *arguments).splitlines():
        name, _, value = line.partition(" ")
        if not name.startswith("/"):
            found.setdefault(name, []).append(value)
    return {name: sorted(values) for name, values in found.items()}


def test_sshd_says_the_same_of_debians_configuration(root: Path) -> None:
    assert told(read(root, SSHD)) == asked(root)


CHANGED = """\
# first value wins, and keywords are written in any way
port 2222
Port = 2022
Include {folder}/*.conf
PERMITROOTLOGIN no
PermitRootLogin yes
AddressFamily inet
ListenAddress 127.0.0.1
ListenAddress 127.0.0.2:99
LoginGraceTime 1m30s
ClientAliveInterval 2m
MaxStartups 20
PersourceNetBlockSize 24
StreamLocalBindMask 0117
RekeyLimit 1G 1h
IPQoS af21
Compression delayed
Ciphers -aes128-ctr,aes192-ctr
MACs ^hmac-sha2-256
KexAlgorithms +diffie-hellman-group14-sha1
HostKeyAlgorithms ssh-ed25519,rsa-sha2-512
PubkeyAuthOptions touch-required verify-required
AuthorizedKeysFile "/etc/ssh/keys/%u" .ssh/authorized_keys # comment
AuthenticationMethods publickey,hostbased publickey
HostbasedAuthentication yes
AllowTcpForwarding all
PermitOpen 127.0.0.1:80 [::1]:443
PermitListen 8080 localhost:9090
AcceptEnv A B
AcceptEnv C
SetEnv X=1 "Y=two"
AllowUsers alice bob
AllowUsers carol
DenyUsers mallory
AllowGroups staff
LogLevel verbose
SyslogFacility local3
FingerprintHash md5
Banner "/etc/issue net"
ForceCommand /bin/echo "a b"  c # d
Subsystem sftp internal-sftp -l INFO
UnusedConnectionTimeout 10m
PermitTunnel point-to-point
IgnoreRhosts shosts-only
GatewayPorts clientspecified
ChallengeResponseAuthentication no
PubkeyAcceptedKeyTypes ssh-ed25519
UsePAM yes
UsePrivilegeSeparation sandbox
TrustedUserCAKeys none
VersionAddendum  more here
HostKey /etc/ssh/ssh_host_ed25519_key

Match User alice,carol Address 10.0.0.0/8
    PermitRootLogin forced-commands-only
    X11Forwarding no
    Banner none
Match Group nobody-has-it
    AllowTcpForwarding local
Match all
    MaxAuthTries 2
    X11Forwarding yes
"""
INCLUDED = "PasswordAuthentication no\nMatch User dave\n  PermitTTY no\n"
CONNECTION = "host=client,addr=10.1.2.3,laddr=127.0.0.1,lport=2222"


@pytest.mark.parametrize(("user", "blocks"), [("alice", (1,)), ("dave", (0,)), ("bob", ())])
def test_sshd_says_the_same_of_much_changed_files(
    root: Path, scratch: Path, user: str, blocks: tuple[int, ...]
) -> None:
    """Of `Match all` the values count for everyone, and are told outside of the block too."""
    text = CHANGED.replace("{folder}", scratch.name)
    (scratch / "sshd_config").write_text(text)
    (scratch / "a.conf").write_text(INCLUDED)
    (scratch / ".hidden.conf").write_text("MaxSessions 1\n")
    found = read(root, SSHD, etc__ssh__sshd_config=text)
    assert found.problems == []
    theirs = asked(root, "-f", f"/etc/ssh/{scratch.name}/sshd_config", "-C", f"user={user},{CONNECTION}")
    ours = {**told(found, *blocks), "maxauthtries": ["2"]}
    differing = {
        name: (ours.get(name), theirs.get(name)) for name in ours | theirs if ours.get(name) != theirs.get(name)
    }
    # A keyword of other releases is told, though this one does not print it.
    assert differing == {"useprivilegeseparation": (["sandbox"], None)}


SUDOERS_TEXT = r"""
User_Alias ADMINS = alice, bob, %wheel : OTHERS = ADMINS, !bob
Runas_Alias DB = postgres, mysql
Host_Alias LAN = 10.0.0.0/8, fe80::1, web*.example.org
Cmnd_Alias SHELLS = /bin/sh, /bin/bash -c *, sudoedit /etc/hosts : LOOK = /bin/ls, sha224:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw== /bin/cat
Defaults env_reset, !lecture, passwd_tries=5, secure_path="/usr/bin:/bin", timestamp_timeout=2.5
Defaults env_keep += "A B_*", env_keep -= "DISPLAY", badpass_message="no, \"sorry\""
Defaults:ADMINS !authenticate, \
    log_output
Defaults!/bin/ls, /bin/cat noexec
Defaults>postgres env_keep="PGPASSFILE"
Defaults@web1 !requiretty
root ALL=(ALL:ALL) ALL
%sudo ALL=(ALL) NOPASSWD: ALL # everyone in the group
#1000, %#27, +netgroup ALL = (root) NOPASSWD:SETENV: /bin/a x\,y \=z, /bin/b, PASSWD: /bin/c "q" : LAN = (DB : adm) LOOK
ADMINS, !carol LAN, !web9 = !SHELLS, (:adm) /usr/bin/id "", NOEXEC: sudoedit /etc/motd
"quoted user" ALL = CWD=/tmp TIMEOUT=5m /bin/d, CHROOT=* /bin/e
dave ALL = /usr/bin/passwd [A-Za-z]*, !/usr/bin/passwd root
erin ALL = (ALL) ALL : ALL = NOPASSWD: /bin/true
"""


def members(found: list[dict[str, Any]]) -> tuple[str, ...]:
    """A list of cvtsudoers as words."""
    prefixes = {
        "usergroup": "%",
        "userid": "#",
        "usergid": "%#",
        "netgroup": "+",
        "nonunixgroup": "%:",
        "nonunixgid": "%:#",
    }
    words = []
    for each in found:
        negation = "!" if each.get("negated") else ""
        kind, value = next((kind, value) for kind, value in each.items() if kind not in ("negated", "sha224"))
        digest = f"sha224:{each['sha224']} " if "sha224" in each else ""
        words.append(f"{negation}{digest}{prefixes.get(kind, '')}{value}")
    return tuple(words)


TAGS = {
    ("authenticate", False): "NOPASSWD",
    ("authenticate", True): "PASSWD",
    ("setenv", True): "SETENV",
    ("noexec", True): "NOEXEC",
}


def their_rules(document: dict[str, Any]) -> list[dict[str, object]]:
    """The rules of cvtsudoers. A command `ALL` has the tag SETENV with it, which nobody wrote."""
    rules: list[dict[str, object]] = []
    for spec in document["User_Specs"]:
        for each in spec["Cmnd_Specs"]:
            options = [pair for option in each.get("Options", ()) for pair in option.items()]
            is_all = each["Commands"] == [{"command": "ALL"}]
            tags = {TAGS[pair] for pair in options if pair in TAGS} - ({"SETENV"} if is_all else set())
            rules.append(
                {
                    "users": members(spec["User_List"]),
                    "hosts": members(spec["Host_List"]),
                    "runas": tuple(filter(None, members(each.get("runasusers", [])))),
                    "runas_groups": tuple(word.lstrip("%") for word in members(each.get("runasgroups", []))),
                    "tags": tags,
                    "commands": members(each["Commands"]),
                }
            )
    return rules


def our_rules(found: ReadSettings) -> list[dict[str, object]]:
    rules: list[dict[str, object]] = []
    while f"sudoers.rule[{len(rules)}].users" in found.values:
        prefix = f"sudoers.rule[{len(rules)}]."
        rule: dict[str, object] = {"runas_groups": ()}
        rule |= {key.removeprefix(prefix): value for key, value in found.values.items() if key.startswith(prefix)}
        rule.pop("options", None)
        tags = rule["tags"]
        assert isinstance(tags, tuple)
        rules.append({**rule, "tags": set(tags)})
    return rules


def cvtsudoers(root: Path, text: str) -> dict[str, Any]:
    """What cvtsudoers makes of a file, as JSON. Skips where it is not there."""
    if not (root / "usr/bin/cvtsudoers").exists():
        pytest.skip("cvtsudoers is not there")
    done = subprocess.run(
        ["chroot", str(root), "/usr/bin/cvtsudoers", "-f", "json"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_cvtsudoers_says_the_same_of_rules(root: Path) -> None:
    theirs = cvtsudoers(root, SUDOERS_TEXT)
    found = read(root, SUDOERS, etc__sudoers=SUDOERS_TEXT)
    assert found.problems == []
    assert our_rules(found) == their_rules(theirs)


def test_cvtsudoers_says_the_same_of_aliases(root: Path) -> None:
    theirs = cvtsudoers(root, SUDOERS_TEXT)
    found = read(root, SUDOERS, etc__sudoers=SUDOERS_TEXT)
    kinds = {"User_Aliases": "user", "Runas_Aliases": "runas", "Host_Aliases": "host", "Command_Aliases": "command"}
    expected = {
        f"sudoers.alias.{kinds[kind]}[{name}]": members(listed)
        for kind in kinds
        for name, listed in theirs[kind].items()
    }
    assert {key: value for key, value in found.values.items() if key.startswith("sudoers.alias")} == expected


def test_debians_sudoers_is_the_same_for_cvtsudoers(root: Path) -> None:
    theirs = json.loads(run_in(root, "cvtsudoers", "-f", "json", "/etc/sudoers"))
    found = read(root, SUDOERS)
    assert our_rules(found) == their_rules(theirs)
    for default in theirs["Defaults"]:
        for name, value in default["Options"][0].items():
            assert found.values[f"sudoers.defaults.{name}"] == value


@pytest.mark.parametrize(
    "text",
    [
        "alice ALL\n",
        "alice = /bin/ls\n",
        "alice ALL = (root /bin/ls\n",
        "alice ALL = /bin/ls,\n",
        "alice, ALL = /bin/ls\n",
        "User_Alias lower = alice\n",
        "User_Alias A = b\nUser_Alias A = c\n",
        "Defaults 5x\n",
        "alice ALL = NOPASSWD:\n",
        "alice ALL = /bin/ls : = /bin/cat\n",
    ],
)
def test_what_visudo_refuses_is_a_problem(root: Path, text: str) -> None:
    done = subprocess.run(
        ["chroot", str(root), "/usr/sbin/visudo", "-c", "-f", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert read(root, SUDOERS, etc__sudoers=text).problems != []


def test_getent_says_the_same_of_accounts(root: Path) -> None:
    users, groups = read(root, PASSWD).values, read(root, GROUP).values
    lines = [line.split(":") for line in run_in(root, "getent", "passwd").splitlines()]
    assert len(lines) == sum(key.endswith(".uid") for key in users)
    for name, _, uid, gid, gecos, home, shell in lines:
        key = f"passwd.user[{name}]"
        ours = [users[f"{key}.{part}"] for part in ("uid", "gid", "gecos", "home", "shell")]
        assert ours == [int(uid), int(gid), gecos, home, shell]
    lines = [line.split(":") for line in run_in(root, "getent", "group").splitlines()]
    assert len(lines) == sum(key.endswith(".gid") for key in groups)
    for name, _, gid, listed in lines:
        assert groups[f"group.group[{name}].gid"] == int(gid)
        assert groups[f"group.group[{name}].members"] == tuple(filter(None, listed.split(",")))


def test_passwd_says_the_same_of_passwords(root: Path) -> None:
    users = read(root, PASSWD).values
    words = {"L": "locked", "NP": "none", "P": "set"}
    for line in run_in(root, "passwd", "-S", "-a").splitlines():
        name, state, *_ = line.split()
        assert users[f"passwd.user[{name}].password"] == words[state], name


def test_ssh_keygen_says_the_same_of_host_keys(root: Path) -> None:
    found = read(root, SSH_KEYS).values
    keys = sorted((root / "etc/ssh").glob("ssh_host_*_key"))
    assert keys != []
    for key in keys:
        bits, fingerprint, *_ = run_in(root, "ssh-keygen", "-l", "-f", f"/etc/ssh/{key.name}").split()
        assert found[f"ssh_keys.host[{key.name}].bits"] == int(bits)
        assert found[f"ssh_keys.host[{key.name}].fingerprint"] == fingerprint
        public, _, is_encrypted = private_key(key.read_text())
        assert (public and public.fingerprint, is_encrypted) == (fingerprint, False)


@pytest.mark.parametrize(
    ("kind", "passphrase"),
    [("ed25519", ""), ("ed25519", "secret"), ("rsa", ""), ("ecdsa", "secret")],
)
def test_ssh_keygen_says_the_same_of_keys_it_makes(root: Path, scratch: Path, kind: str, passphrase: str) -> None:
    path = f"/etc/ssh/{scratch.name}/key"
    run_in(root, "ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "two words", "-f", path)
    bits, fingerprint, *_ = run_in(root, "ssh-keygen", "-l", "-f", f"{path}.pub").split()
    public = (scratch / "key.pub").read_text()
    found = read_settings(SSH_KEYS, {"root/.ssh/authorized_keys": public})
    assert found.problems == []
    assert found.values == {
        "ssh_keys.authorized[0].user": "root",
        "ssh_keys.authorized[0].type": public.split()[0],
        "ssh_keys.authorized[0].bits": int(bits),
        "ssh_keys.authorized[0].fingerprint": fingerprint,
        "ssh_keys.authorized[0].comment": "two words",
        "ssh_keys.authorized[0].options": (),
    }
    key, told, is_encrypted = private_key((scratch / "key").read_text())
    assert key is not None
    assert (key.fingerprint, key.bits, told, is_encrypted) == (
        fingerprint,
        int(bits),
        public.split()[0],
        bool(passphrase),
    )


def unit_states(root: Path) -> dict[str, str]:
    """Each unit's state as systemctl tells it of another root."""
    if shutil.which("systemctl") is None:
        pytest.skip("systemctl is not there")
    command = ["systemctl", f"--root={root}", "list-unit-files", "--no-legend", "--no-pager"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(line.split()[:2] for line in done.stdout.splitlines())


def test_systemctl_says_the_same_of_units(root: Path) -> None:
    found, states = read(root, SYSTEMD).values, unit_states(root)
    keys = {name: f"systemd.unit[{name}]" for name in states}
    aliases = {alias for key, value in found.items() if key.endswith(".aliases") for alias in value}  # type: ignore[union-attr]
    assert {name for name, state in states.items() if state == "alias"} == aliases
    enabled = {name for name, key in keys.items() if found.get(f"{key}.enabled") is True}
    assert {name for name, state in states.items() if state in ("enabled", "indirect")} == enabled
    read_too = {name for name, state in states.items() if state not in ("alias", "masked")}
    assert {name for name in states if f"{keys[name]}.enabled" in found} == read_too


@pytest.mark.parametrize("name", ["ssh.service", "user@.service", "systemd-logind.service", "rc-local.service"])
def test_systemd_analyze_finds_the_same_drop_ins(root: Path, name: str) -> None:
    """What it prints is a unit's file with its drop-ins behind it: read as one file it comes to the same."""
    if not (root / "usr/bin/systemd-analyze").exists():
        pytest.skip("systemd-analyze is not there")
    whole = run_in(root, "systemd-analyze", "cat-config", f"systemd/system/{name}").partition("\N{WARNING SIGN}")[0]
    as_one = read_settings(SYSTEMD, {f"etc/systemd/system/{name}": whole})
    assert as_one.problems == []
    settings = [setting for setting in read(root, SYSTEMD).settings if setting.key.startswith(f"systemd.unit[{name}].")]
    states = ("masked", "enabled", "aliases", "wanted_by")
    ours = {setting.key: setting.value for setting in settings if not setting.key.endswith(states)}
    assert ours == {key: value for key, value in as_one.values.items() if key.split("].")[1] not in states}
    assert {setting.path for setting in settings} == {line[2:] for line in whole.splitlines() if line.startswith("# /")}
