"""Private keys to sign with: protected by a password as openssl does it, or as cosign does."""

from __future__ import annotations

import base64
import hashlib
import json
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from hullmark.model.errors import HullmarkError
from hullmark.proof.signing import read_signer
from tests.support.images import Json

KEY = ec.generate_private_key(ec.SECP256R1())
PLAIN = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
PASSWORD = b"pass"
SALT, NONCE = b"s" * 32, b"n" * 24


def cosign_key(inner: bytes = PLAIN, *, rounds: int = 2, kdf: str = "scrypt", cipher: str = "nacl/secretbox") -> bytes:
    """A key as cosign encrypts it."""
    nacl = pytest.importorskip("nacl.secret")
    secret = hashlib.scrypt(PASSWORD, salt=SALT, n=2, r=8, p=1, dklen=32)
    sealed = nacl.SecretBox(secret).encrypt(inner, NONCE).ciphertext
    params = {"N": rounds, "r": 8, "p": 1}
    document: Json = {
        "kdf": {"name": kdf, "params": params, "salt": base64.b64encode(SALT).decode()},
        "cipher": {"name": cipher, "nonce": base64.b64encode(NONCE).decode()},
        "ciphertext": base64.b64encode(sealed).decode(),
    }
    return _block(json.dumps(document).encode())


def _block(body: bytes) -> bytes:
    head, end = (b"-----%b ENCRYPTED SIGSTORE PRIVATE KEY-----" % word for word in (b"BEGIN", b"END"))
    return b"\n".join((head, base64.b64encode(body), end)) + b"\n"


PROTECTED = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD))


@pytest.mark.parametrize("made", [cosign_key, lambda: PROTECTED])
def test_a_key_with_a_password_signs_where_that_is_given(made: object) -> None:
    """Both kinds say when none is given, and when it is another."""
    pem = made()  # type: ignore[operator]
    signer = read_signer(pem, PASSWORD, "key.pem")
    assert signer.sign(b"text")
    assert signer.public == read_signer(_pem(KEY), None, "key.pem").public
    with pytest.raises(HullmarkError, match=r"the key in key\.pem has a password"):
        read_signer(pem, None, "key.pem")
    with pytest.raises(HullmarkError, match=r"key\.pem cannot be opened with this password"):
        read_signer(pem, b"other", "key.pem")


def _pem(key: ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        (cosign_key(b"text"), "holds no private key that can be used"),
        (cosign_key(rounds=3), "the encrypted key in it is damaged"),
        (cosign_key(rounds=1 << 30), "is protected in a way that is not taken"),
        (cosign_key(kdf="argon2"), "is protected in a way that is not taken"),
        (cosign_key(cipher="aes"), "is encrypted in an unknown way"),
        (_block(b"{"), "the encrypted key in it is damaged"),
        (_pem(x25519.X25519PrivateKey.generate()), "a key in it is of another kind"),
        (b"text", "it holds no private key in PEM"),
    ],
)
def test_what_is_not_a_key_that_can_sign_is_refused(pem: bytes, reason: str) -> None:
    """Damaged, asking for too much work, or of a kind that signs nothing."""
    with pytest.raises(HullmarkError, match=reason):
        read_signer(pem, PASSWORD, "it")


def test_a_key_of_cosign_says_which_package_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is installed only where it is asked for."""
    pem = cosign_key()
    monkeypatch.setitem(sys.modules, "nacl.secret", None)
    with pytest.raises(HullmarkError, match="is encrypted as cosign does it, which needs PyNaCl") as refused:
        read_signer(pem, PASSWORD, "it")
    assert refused.value.advice == "pip install 'hullmark[cosign]', or sign with a PEM key that openssl made"
