"""Key stores that everybody can open, as keytool writes them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.certificates.items import items_in
from hullmark.facets.certificates.keystores import opened_key
from hullmark.model.certificate import Certificate, Item, KeyStore, PrivateKey
from tests.support.keytool import KEYTOOL


def made(folder: Path, kind: str, password: str, *, of_key: str = "") -> list[Item]:
    """What is read of a store with one key that keytool made."""
    if shutil.which("keytool") is None:
        pytest.skip("keytool is not installed")
    store = folder / f"{kind}-{password}-{of_key}"
    command = (
        f"-genkeypair -storetype {kind} -alias x -keyalg EC -dname CN=three -storepass {password} -keystore {store}"
    )
    command += f" -keypass {of_key or password}"
    subprocess.run([*KEYTOOL, *command.split()], check=True, capture_output=True)
    return list(items_in(store.read_bytes()))


@pytest.mark.parametrize(
    ("kind", "password", "of_key", "opens", "key_opens"),
    [
        ("JKS", "changeit", "", True, True),
        ("JKS", "changeit", "another", True, False),
        ("JKS", "another", "", False, False),
        ("JKS", "another", "changeit", False, True),
        ("JCEKS", "changeit", "", True, False),
        ("JCEKS", "another", "", False, False),
        ("PKCS12", "changeit", "", True, True),
        ("PKCS12", "another", "", False, False),
    ],
)
def test_whether_the_usual_password_opens_a_store_and_its_key(
    kind: str, password: str, of_key: str, opens: bool, key_opens: bool, tmp_path: Path
) -> None:
    store, key, *certificates = made(tmp_path, kind, password, of_key=of_key)
    assert store == KeyStore(format=kind.lower(), keys=1, password="changeit" if opens else None)
    assert isinstance(key, PrivateKey)
    assert (key.is_encrypted, key.password) == ((False, "changeit") if key_opens else (True, ""))
    if key_opens:
        (certificate,) = certificates
        assert isinstance(certificate, Certificate)
        assert key.public == certificate.public != ""


@given(st.binary(max_size=100))
def test_any_protected_key_is_opened_or_not(body: bytes) -> None:
    assert opened_key(body) is None
