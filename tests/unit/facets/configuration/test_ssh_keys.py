"""Keys of SSH: public blobs, lines of authorized_keys, private keys as far as they can be seen, and whose the files are."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.ssh_keys import PARSER as SSH_KEYS
from hullmark.facets.configuration.ssh_keys import parse_authorized_key, private_key, public_key
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings


def wire(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


ED25519 = wire(b"ssh-ed25519", bytes(range(32)))
RSA = wire(b"ssh-rsa", b"\1\0\1", b"\0" + b"\xc0" + bytes(255))
KEY = "ssh-ed25519 " + base64.b64encode(ED25519).decode()


def armoured(cipher: bytes, cut: int | None = None) -> str:
    """An OpenSSH private key as far as its public half, or so many bytes of it."""
    body = b"openssh-key-v1\0" + wire(cipher, b"none", b"") + b"\0\0\0\1" + wire(ED25519, b"private")
    body = body[:cut]
    return (
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{base64.b64encode(body).decode()}\n-----END OPENSSH PRIVATE KEY-----\n"
    )


def table(found: ReadSettings, key: str) -> dict[str, Value]:
    return {name.removeprefix(f"{key}."): value for name, value in found.values.items() if name.startswith(f"{key}.")}


@pytest.mark.parametrize(
    ("blob", "kind", "bits"),
    [
        (ED25519, "ssh-ed25519", 256),
        (RSA, "ssh-rsa", 2048),
        (wire(b"ssh-dss", b"\0\x80" + bytes(127)), "ssh-dss", 1024),
        (wire(b"ecdsa-sha2-nistp521", b"nistp521", b"x"), "ecdsa-sha2-nistp521", 521),
        (wire(b"sk-ssh-ed25519@openssh.com", b"x"), "sk-ssh-ed25519@openssh.com", 256),
        (
            wire(b"ssh-rsa-cert-v01@openssh.com", b"nonce", b"\3", b"\x80" + bytes(127)),
            "ssh-rsa-cert-v01@openssh.com",
            1024,
        ),
    ],
)
def test_public_keys(blob: bytes, kind: str, bits: int) -> None:
    key = public_key(blob)
    assert key is not None
    assert (key.type, key.bits) == (kind, bits)
    assert key.fingerprint.startswith("SHA256:")
    assert len(key.fingerprint) == 50


@pytest.mark.parametrize("blob", [b"", b"\0\0\0\7ssh", wire(b"ssh-rsa"), wire(b"no-key", b"x"), wire(b"\xff")])
def test_what_is_no_public_key(blob: bytes) -> None:
    assert public_key(blob) is None


@pytest.mark.parametrize(
    ("line", "comment", "options"),
    [
        (KEY, "", ()),
        (f"{KEY} me@here  and there", "me@here  and there", ()),
        (f"no-pty,restrict {KEY}", "", ("no-pty", "restrict")),
        (
            f'from="10.0.0.0/8,::1",command="a \\"b\\" c" {KEY} x',
            "x",
            ('from="10.0.0.0/8,::1"', 'command="a \\"b\\" c"'),
        ),
    ],
)
def test_lines_of_authorized_keys(line: str, comment: str, options: tuple[str, ...]) -> None:
    found = parse_authorized_key(line)
    assert found is not None
    assert found[1:] == (comment, options)


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "ssh-ed25519",
        "ssh-ed25519 ***",
        f"ssh-rsa {KEY.split()[1]}",
        f'from="a {KEY}',
        "no-pty",
        '"a',
        f"ssh-ed25519 {KEY.split()[1][:-8]}",
    ],
)
def test_a_line_that_is_no_key_is_a_problem(line: str) -> None:
    found = read_settings(SSH_KEYS, {"root/.ssh/authorized_keys": f"# x\n{line}\n{KEY}\n"})
    assert found.problems == [("/root/.ssh/authorized_keys", "line 2: a line that is not a key")]
    assert found.values["ssh_keys.authorized[0].type"] == "ssh-ed25519"


@pytest.mark.parametrize(
    ("text", "kind", "is_encrypted"),
    [
        (armoured(b"none"), "ssh-ed25519", False),
        (armoured(b"aes256-ctr"), "ssh-ed25519", True),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n***\n-----END OPENSSH PRIVATE KEY-----\n", "", None),
        (armoured(b"none", cut=30), "", None),
        ("-----BEGIN RSA PRIVATE KEY-----\nabcd\n", "ssh-rsa", None),
        ("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", "ecdsa", True),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\n***\n", "", True),
        ("***", "", None),
    ],
)
def test_private_keys(text: str, kind: str, is_encrypted: bool | None) -> None:
    assert private_key(text)[1:] == (kind, is_encrypted)


def test_a_host_key_counts_though_it_is_masked() -> None:
    found = read_settings(
        SSH_KEYS,
        {
            "etc/ssh/ssh_host_ed25519_key": "***",
            "etc/ssh/ssh_host_ed25519_key.pub": f"{KEY} c\n",
            "etc/ssh/ssh_host_rsa_key": "***",
        },
        modes={"etc/ssh/ssh_host_rsa_key": 0o600},
    )
    assert found.problems == []
    key = public_key(ED25519)
    assert key is not None
    assert table(found, "ssh_keys.host[ssh_host_ed25519_key]") == {
        "type": "ssh-ed25519",
        "bits": 256,
        "fingerprint": key.fingerprint,
        "encrypted": None,
        "mode": "0644",
    }
    assert table(found, "ssh_keys.host[ssh_host_rsa_key]") == {"type": "rsa", "encrypted": None, "mode": "0600"}


def test_whose_the_files_are() -> None:
    found = read_settings(
        SSH_KEYS,
        {
            "etc/passwd": "root:x:0:0::/root:\nsvc:x:5:5::/srv/svc:\n",
            "etc/ssh/sshd_config": "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/keys-%u /etc/ssh/shared %h/none\nNonsense x\n",
            "root/.ssh/authorized_keys": f"{KEY} 1\n",
            "srv/svc/.ssh/authorized_keys": f"\n{KEY} 2\n",
            "home/gone/.ssh/authorized_keys2": f"{KEY} 3\n",
            "etc/ssh/keys-svc": f"{KEY} 4\n",
            "etc/ssh/shared": f"{KEY} 5\n",
        },
    )
    assert found.problems == []
    owners = {
        found.values[f"ssh_keys.authorized[{i}].comment"]: found.values[f"ssh_keys.authorized[{i}].user"]
        for i in range(5)
    }
    assert owners == {"1": "root", "2": "svc", "3": "gone", "4": "svc", "5": ""}
    at = {setting.path: setting.line for setting in found.settings}
    assert at["/srv/svc/.ssh/authorized_keys"] == 2


@given(st.binary(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_anything_is_read(blob: bytes, first: str, second: str) -> None:
    public_key(blob)
    lines = f"{first}\n{second} ssh-rsa {base64.b64encode(blob).decode()}\n"
    found = read_settings(
        SSH_KEYS,
        {
            "root/.ssh/authorized_keys": lines,
            "etc/ssh/ssh_host_a_key": first,
            "etc/passwd": f"{second}\na:x:1:1::/{first}:\n",
        },
    )
    assert "ssh_keys.host[ssh_host_a_key].type" in found.values


@given(st.integers(16, 4096).map(lambda bits: 1 << (bits - 1)))
def test_bits_are_those_of_the_modulus(modulus: int) -> None:
    key = public_key(wire(b"ssh-rsa", b"\3", modulus.to_bytes(modulus.bit_length() // 8 + 1, "big")))
    assert key is not None
    assert key.bits == modulus.bit_length()
