"""Masked text: no secret is left in it, and what rules ask about is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.accounts import state
from hullmark.facets.secrets.finder import own_finder
from hullmark.facets.secrets.mask import mask_secrets
from tests.unit.facets.secrets.samples import ALNUM, SAMPLES, pem, some

_PIECES = [text.encode() for text, _ in SAMPLES.values()]
_NAMES = st.sampled_from(["", "app.conf", "shadow", ".npmrc", ".pgpass"])
_TEXTS = st.lists(
    st.sampled_from(_PIECES)
    | st.builds(lambda text, at: text[: at % len(text)], st.sampled_from(_PIECES), st.integers(0, 9999))
    | st.sampled_from([b"\n", b" ", b"a", b"=", b":", b"@", b'"', b"*", b"****", b"password=", b"x:1:"])
    | st.binary(max_size=6),
    max_size=10,
).map(b"".join)


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_no_secret_is_left(kind: str) -> None:
    text, name = SAMPLES[kind]
    body = f"first = line\n{text}\nlast = line\n".encode()
    (spot,) = own_finder().find(body, name).found
    hidden = mask_secrets(body, name)
    assert body[spot.start : spot.end] not in hidden
    assert hidden.startswith(b"first = line\n")
    assert hidden.endswith(b"\nlast = line\n")
    assert own_finder().find(hidden, name).found == []


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("url = postgres://app:s3cr3t@db/app", "x", "url = postgres://app:****@db/app"),
        ('password = "Tr0ub4dor&3x"  # theirs', "a.ini", 'password = "****"  # theirs'),
        ("requirepass correct-horse", "redis.conf", "requirepass ****"),
        (f"a:$6$salt${some(ALNUM, 86)}:1::", "shadow", "a:$6$****:1::"),
        (f"a:!$6$salt${some(ALNUM, 86)}:1::", "shadow", "a:!$6$****:1::"),
        (f"a:$2y$10${some(ALNUM, 53)}", ".htpasswd", "a:$2y$10$****"),
        (f"a:{some(ALNUM, 13)}:1::", "shadow", "a:.............:1::"),
        (f"a:_{some(ALNUM, 19)}:1::", "shadow", "a:_...................:1::"),
        ("PermitRootLogin no\nPasswordAuthentication yes\n", "sshd_config", None),
        ("password_encryption = scram-sha-256\n", "postgresql.conf", None),
        ("passwd:         files systemd\nshadow:         files\n", "nsswitch.conf", None),
        ("password\trequisite\tpam_deny.so\n", "common-password", None),
        ("PASS_MAX_DAYS\t99999\n", "login.defs", None),
        ("root:x:0:0:root:/root:/bin/bash\n", "passwd", None),
        ("ssl_certificate_key /etc/ssl/private/x.key;\n", "nginx.conf", None),
        ("password = ${DB_PASSWORD}\n", "a.ini", None),
        ("", "x", None),
    ],
)
def test_what_stands_around_a_secret_stays(text: str, name: str, expected: str | None) -> None:
    assert mask_secrets(text.encode(), name) == (text if expected is None else expected).encode()


def test_a_private_key_keeps_its_first_and_last_line() -> None:
    hidden = mask_secrets(pem("RSA PRIVATE KEY").encode())
    assert hidden == b"-----BEGIN RSA PRIVATE KEY-----****-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "field",
    [
        f"$6$salt${some(ALNUM, 86)}",
        f"!$6$salt${some(ALNUM, 86)}",
        f"$y$j9T$salt${some(ALNUM, 43)}",
        f"$2b$12${some(ALNUM, 53)}",
        f"$1$salt${some(ALNUM, 22)}",
        some(ALNUM, 13),
        f"!{some(ALNUM, 13)}",
        f"_{some(ALNUM, 19)}",
        "!",
        "*",
        "!!",
        "",
    ],
)
def test_an_account_is_in_the_same_state_when_it_is_masked(field: str) -> None:
    hidden = mask_secrets(f"root:{field}:19000:0:99999:7:::\n".encode(), "shadow").decode()
    assert state(hidden.split(":")[1]) == state(field)


@given(_TEXTS, _NAMES)
def test_masking_what_is_masked_changes_nothing(body: bytes, name: str) -> None:
    hidden = mask_secrets(body, name)
    assert mask_secrets(hidden, name) == hidden


@given(st.binary(max_size=200))
def test_any_bytes_can_be_masked(body: bytes) -> None:
    assert isinstance(mask_secrets(body), bytes)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ssh://git@host/a", "ssh://git@host/a"),
        ("postgres://orders@host/db", "postgres://orders@host/db"),
        ("postgres://orders-production-reader@host/db", "postgres://orders-production-reader@host/db"),
        ("redis://a8f5f167f44f4964e6c998dee827110c@host:6379", "redis://****@host:6379"),
    ],
)
def test_a_user_of_any_scheme_is_masked_where_it_looks_like_a_token(text: str, shown: str) -> None:
    assert mask_secrets(text.encode()) == shown.encode()


def test_a_large_text_is_masked_also_where_more_words_are_met_than_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.facets.secrets.keywords.MAX_MEETINGS", 5)
    line = b"password = tulip-canoe-4711\n"
    masked = mask_secrets(line * 300, "a.ini")
    assert masked == b"password = ****\n" * 300
