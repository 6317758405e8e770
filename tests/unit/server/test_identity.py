"""Keys, tokens, limits and identity providers: what proves somebody, and what does not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from hullmark.model.errors import HullmarkError
from hullmark.net.http import Client, HttpSettings
from hullmark.server.stories.identity.api_key import digest_of_key, is_key, new_key
from hullmark.server.stories.identity.oidc import Grant, Oidc, Provider, ProviderUnreachable, TokenRefused, parse_groups
from hullmark.server.stories.identity.passwords import BadPassword, Passwords, check_password
from hullmark.server.stories.identity.tokens import LIFE, Tokens
from hullmark.server.stories.limits import TokenBuckets, network_of
from hullmark.server.stories.vault import Vault
from hullmark.server.tables import audit

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_a_key_has_its_form_and_enough_chance() -> None:
    secret = new_key()
    start, name, body = secret.key.split("_")
    assert (start, len(name), len(body)) == ("hmk", 8, 40)
    assert is_key(secret.key)
    assert secret.prefix == f"hmk_{name}"
    assert secret.digest == digest_of_key(secret.key)
    assert secret.key not in repr(secret)
    assert 62**34 > 2**200  # the letters that are not the checksum


@given(st.integers(0, 52), st.sampled_from("0aZ_"))
def test_a_typing_error_in_a_key_is_seen(place: int, letter: str) -> None:
    key = new_key().key
    changed = key[:place] + letter + key[place + 1 :]
    assert is_key(changed) == (changed == key)


@given(st.text(max_size=70))
def test_no_other_text_is_a_key(text: str) -> None:
    assert not is_key(text)
    assert not is_key("hmk_" + text)


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 50), st.integers(1, 20))
def test_a_bucket_gives_what_its_rate_allows(pauses: list[float], rate: int, burst: int) -> None:
    buckets, now, granted = TokenBuckets(rate, burst), 0.0, 0
    for pause in pauses:
        now += pause
        wait = buckets.take("someone", now)
        granted += not wait
        assert granted <= burst + now * rate / 60 + 1e-6
        if wait:
            assert buckets.wait("someone", now + wait + 1e-6) == 0.0


def test_buckets_are_one_for_each_and_bounded() -> None:
    buckets = TokenBuckets(1, 1, most=2)
    assert [buckets.take(who, 0.0) for who in ("a", "b")] == [0.0, 0.0]
    assert buckets.take("a", 0.0) > 0
    buckets.take("c", 0.0)  # b is forgotten: the longest unused
    assert buckets.take("a", 0.0) > 0
    assert buckets.take("b", 0.0) == 0.0


def test_without_a_rate_there_is_no_limit() -> None:
    buckets = TokenBuckets(0, 1)
    assert not any(buckets.take("a", 0.0) for _ in range(1000))


def test_one_asker_is_one_network() -> None:
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::1") != network_of("2001:db8:1:3::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("no address") == "no address"


async def test_passwords() -> None:
    passwords = Passwords(time_cost=1, memory_kib=64)
    known = await passwords.hash("correct horse")
    assert known.startswith("$argon2id$")
    assert "correct" not in known
    assert await passwords.verify(known, "correct horse")
    assert not await passwords.verify(known, "correct horsf")
    assert not await passwords.verify("damaged", "correct horse")
    assert not await passwords.verify(known, "\ud800")
    assert Passwords().is_outdated(known)
    assert not passwords.is_outdated(known)


async def test_nobodys_password_takes_the_same_work_as_somebodys(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Passwords(time_cost=1, memory_kib=64)
    somebodys = await passwords.hash("somebody's password")
    work: list[Parameters] = []
    verify = PasswordHasher.verify

    def watched(hasher: PasswordHasher, known: str, password: bytes) -> bool:
        work.append(extract_parameters(known))
        return verify(hasher, known, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)  # the library's: what it is asked for, it computes
    assert await passwords.verify(somebodys, "somebody's password")
    assert not await passwords.verify(somebodys, "another password")
    assert not await passwords.verify("", "another password")
    assert not await passwords.verify("", "nobody's password")
    assert work == [extract_parameters(somebodys)] * 4
    assert (work[0].time_cost, work[0].memory_cost) == (1, 64)


@pytest.mark.parametrize("bad", ["", "short", "a" * 20, "x" * 1025, "with\0nul-inside", "ANNA-maria"])
def test_what_will_not_do_as_a_password(bad: str) -> None:
    with pytest.raises(BadPassword):
        check_password(bad, "anna-maria")


def test_own_tokens_end_and_cannot_be_changed() -> None:
    tokens, others = Tokens(Vault((b"1" * 32,))), Tokens(Vault((b"2" * 32,)))
    token, seconds = tokens.issue("person:7", "mark", NOW)
    assert seconds == LIFE
    assert tokens.is_own(token)
    claims = tokens.check(token, NOW + timedelta(seconds=LIFE - 1))
    assert claims is not None
    assert (claims.sub, claims.mark) == ("person:7", "mark")
    assert tokens.check(token, NOW + timedelta(seconds=LIFE)) is None
    assert others.check(token, NOW) is None
    head, body, signature = token.split(".")
    assert tokens.check(f"{head}.{body}.{signature[::-1]}", NOW) is None
    assert tokens.check(f"{head}.{body}.", NOW) is None


@pytest.mark.parametrize("sub", ["person:x", "person:", "system:1", "key:-1", "person:1\n"])
def test_own_tokens_are_for_persons_and_keys(sub: str) -> None:
    tokens = Tokens(Vault((b"1" * 32,)))
    assert tokens.check(tokens.issue(sub, "m", NOW)[0], NOW) is None


@given(st.text(max_size=200))
def test_any_text_may_come_as_a_token(text: str) -> None:
    tokens = Tokens(Vault((b"1" * 32,)))
    assert not tokens.is_own(text)
    assert tokens.check(text, NOW) is None


def test_groups() -> None:
    assert parse_groups("") == {}
    assert parse_groups("devs=team-a:editor, ops = team-b:admin") == {
        "devs": Grant(account="team-a", role="editor"),
        "ops": Grant(account="team-b", role="admin"),
    }
    assert parse_groups('{"cn=devs,ou=x": "team-a:ci"}') == {"cn=devs,ou=x": Grant(account="team-a", role="ci")}


@pytest.mark.parametrize("bad", ["devs", "devs=team", "devs=team:king", "=a:ci", "{", '{"a": 1}', "a=:ci"])
def test_groups_that_mean_nothing(bad: str) -> None:
    with pytest.raises(HullmarkError, match="HULLMARK_OIDC_GROUPS"):
        parse_groups(bad)


def test_the_audit_log_never_holds_a_secret() -> None:
    shown = audit.make_log_value(
        {"password": "x", "a": [{"client_secret": "y", "n": "na\0me"}], "raw": b"bytes", "api_token": ""}
    )
    assert shown == {
        "password": True,
        "a": [{"client_secret": True, "n": "name"}],
        "raw": "5 bytes",
        "api_token": False,
    }
    assert audit.make_log_value({"long": "x" * 30_000}) == {"shortened": True}


# An identity provider -------------------------------------------------------------------------------------------


_turns = cycle(range(8))


@cache
def _rsa_key(_number: int) -> rsa.RSAPrivateKey:
    """One of eight: making one takes longer than most tests, none of which has more than three."""
    return rsa.generate_private_key(65537, 2048)


class FakeProvider:
    """A small identity provider: it publishes keys over HTTP and signs what it is told to."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.published: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.broken = False
        self.named: str | None = None
        self.codes: dict[str, Any] = {}
        self.secret = ""
        self.answers: tuple[int, dict[str, Any]] | None = None
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                self._answer(404 if provider.broken else 200, provider.answer(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self._answer(*provider.exchanged(dict(parse_qsl(body)), self.headers.get("authorization", "")))

            def _answer(self, status: int, document: dict[str, Any]) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self.described: dict[str, Any] = {
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=x",
            "token_endpoint": f"{self.issuer}/token",
        }

    def answer(self, path: str) -> dict[str, Any]:
        if path.endswith("openid-configuration"):
            return {"issuer": self.named or self.issuer, "jwks_uri": f"{self.issuer}/keys", **self.described}
        return {"keys": self.published}

    def agree(self, page: str, **claims: Any) -> dict[str, str]:
        """What somebody who agrees at the page that a browser was sent to comes back with, as a query; `claims` are of its token."""
        asked = dict(parse_qsl(urlsplit(page).query))
        code = f"code-{len(self.codes)}"
        self.codes[code] = {**asked, "claims": {"aud": asked["client_id"], "nonce": asked["nonce"], **claims}}
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def exchanged(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The answer to a code, which is good once (RFC 6749, 4.1.3; RFC 7636, 4.6)."""
        asked = self.codes.pop(form.get("code", ""), None)
        given = authorization or form.get("client_secret", "")
        proof = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).decode()
        is_right = asked is not None and (
            form["grant_type"] == "authorization_code"
            and form["redirect_uri"] == asked["redirect_uri"]
            and form["client_id"] == asked["client_id"]
            and proof.rstrip("=") == asked["code_challenge"]
            and given == self.secret
        )
        if self.answers is not None:
            return self.answers
        if asked is None or not is_right:
            return 400, {"error": "invalid_grant"}
        return 200, {
            "token_type": "Bearer",
            "access_token": "x",
            "id_token": self.sign("one", "ES256", **asked["claims"]),
        }

    def add(self, kid: str, kind: str) -> None:
        made: Any
        match kind:
            case "ES256":
                made = ec.generate_private_key(ec.SECP256R1())
                public = ECAlgorithm.to_jwk(made.public_key(), as_dict=True)
            case "EdDSA":
                made = ed25519.Ed25519PrivateKey.generate()
                public = OKPAlgorithm.to_jwk(made.public_key(), as_dict=True)
            case _:
                made = _rsa_key(next(_turns))
                public = RSAAlgorithm.to_jwk(made.public_key(), as_dict=True)
        self.keys[kid] = made
        public.pop("key_ops", None)
        self.published.append({**public, "kid": kid, "use": "sig"})

    def sign(self, kid: str, algorithm: str, **changes: Any) -> str:
        claims = {"iss": self.issuer, "aud": "hullmark", "sub": "anna-1", "exp": time.time() + 60, **changes}
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, self.keys[kid], algorithm, {"kid": kid})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    provider = FakeProvider()
    yield provider
    provider.close()


def checker(provider: FakeProvider, monotonic: Callable[[], float] = time.monotonic) -> Oidc:
    groups = parse_groups("devs=team-a:editor")
    known = Provider(issuer=provider.issuer, audience="hullmark", groups=groups)
    return Oidc(known, Client(HttpSettings(timeout=5, retries=0, sleep=lambda _: None)), monotonic)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
async def test_a_token_of_the_provider(provider: FakeProvider, algorithm: str) -> None:
    provider.add("other", algorithm)
    provider.add("one", algorithm)
    token = provider.sign(
        "one", algorithm, groups=["devs", "unknown"], hullmark="team-b:viewer", preferred_username="Anna"
    )
    proven = await checker(provider).check(token)
    assert proven.subject == f"{provider.issuer}#anna-1"
    assert proven.called == "Anna"
    assert proven.grants == (Grant(account="team-b", role="viewer"), Grant(account="team-a", role="editor"))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": -120.0},
        {"exp": None},
        {"nbf": 600.0},
        {"iss": "http://127.0.0.1:1"},
        {"iss": None},
        {"aud": "somebody-else"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "an\nna"},
    ],
    ids=str,
)
async def test_claims_that_prove_nothing(provider: FakeProvider, changes: dict[str, Any]) -> None:
    provider.add("one", "ES256")
    # Numbers are seconds from now.
    claims = {name: time.time() + value if isinstance(value, float) else value for name, value in changes.items()}
    with pytest.raises(TokenRefused):
        await checker(provider).check(provider.sign("one", "ES256", **claims))


async def test_signatures_that_prove_nothing(provider: FakeProvider) -> None:
    provider.add("one", "RS256")
    provider.published.append({"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "kid": "shared"})
    oidc = checker(provider)
    good = provider.sign("one", "RS256")
    head, body, signature = good.split(".")
    claims = {"iss": provider.issuer, "aud": "hullmark", "sub": "anna-1", "exp": time.time() + 60}
    public = json.dumps(provider.published[0]).encode()
    forged = [
        f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        f"{head}.{body}.",
        jwt.encode(claims, "", "none", {"kid": "one"}),
        shared_secret(claims, public, "one"),
        shared_secret(claims, b"secret-secret-secret-secret-secret", "shared"),
        jwt.encode(claims, rsa.generate_private_key(65537, 2048), "RS256", {"kid": "one"}),
        jwt.encode(claims, rsa.generate_private_key(65537, 2048), "RS256", {"kid": "unknown"}),
        jwt.encode(claims, provider.keys["one"], "RS512", {"kid": "one"}),
        "no token",
    ]
    assert (await oidc.check(good)).subject.endswith("#anna-1")
    for token in forged:
        with pytest.raises(TokenRefused):
            await oidc.check(token)


def shared_secret(claims: dict[str, Any], secret: bytes, kid: str) -> str:
    """Signed by HS256, also with what libraries refuse to sign with."""
    parts = ({"alg": "HS256", "typ": "JWT", "kid": kid}, claims)
    body = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(hmac.digest(secret, body, "sha256")).rstrip(b"=")
    return f"{body.decode()}.{signature.decode()}"


async def test_keys_are_kept_and_a_new_one_is_asked_for(provider: FakeProvider) -> None:
    clock = [0.0]
    provider.add("one", "ES256")
    oidc = checker(provider, lambda: clock[0])
    await oidc.check(provider.sign("one", "ES256"))
    await oidc.check(provider.sign("one", "ES256"))
    assert len(provider.asked) == 2  # its description, its keys
    provider.add("two", "ES256")
    clock[0] = 31.0
    await oidc.check(provider.sign("two", "ES256"))
    assert len(provider.asked) == 4
    stranger = jwt.encode({"sub": "x"}, ec.generate_private_key(ec.SECP256R1()), "ES256", {"kid": "three"})
    with pytest.raises(TokenRefused):
        await oidc.check(stranger)
    assert len(provider.asked) == 4  # asked just now: strangers do not make us ask all the time


async def test_a_withdrawn_key_ends_when_keys_are_asked_for_again(provider: FakeProvider) -> None:
    clock = [0.0]
    provider.add("one", "ES256")
    provider.add("two", "ES256")
    oidc = checker(provider, lambda: clock[0])
    token = provider.sign("one", "ES256")
    await oidc.check(token)
    del provider.published[0]
    clock[0] = 601.0
    with pytest.raises(TokenRefused):
        await oidc.check(token)


async def test_a_silent_provider_is_waited_for_an_hour(provider: FakeProvider) -> None:
    clock = [0.0]
    provider.add("one", "ES256")
    oidc = checker(provider, lambda: clock[0])
    token = provider.sign("one", "ES256")
    await oidc.check(token)
    provider.broken = True
    clock[0] = 1000.0
    await oidc.check(token)
    clock[0] = 3700.0
    with pytest.raises(ProviderUnreachable):
        await oidc.check(token)


async def test_a_provider_that_describes_another_is_not_believed(provider: FakeProvider) -> None:
    provider.add("one", "ES256")
    provider.named = "https://elsewhere.example"
    with pytest.raises(ProviderUnreachable, match="another issuer"):
        await checker(provider).check(provider.sign("one", "ES256"))
