"""Whose signature: a key in a file, or a program that asks a key management service."""

from __future__ import annotations

import base64
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.proof.dsse import KEY_LIMIT, Key, read_keys
from hullmark.proof.signing import Signer, read_signer
from hullmark.scanning.documents import read_bounded

COMMAND = "exec:"
"""What stands before a program that signs."""

_PASSWORDS = ("HULLMARK_KEY_PASSWORD", "COSIGN_PASSWORD")
_ANSWER_LIMIT = Limit(1 << 16, "bytes of the answer of a program that signs", "refused")
_SECONDS = 60.0
_SHOWN = 200


class CommandSigner:
    """A program that signs with a key that it does not show.

    `PROGRAM … public-key` prints the public key in PEM. `PROGRAM … sign` reads what is to be signed on standard input, and prints the
    signature in base64: ECDSA in DER or RSA PKCS #1 v1.5 over its SHA-256, or Ed25519 over the bytes.
    """

    def __init__(self, words: tuple[str, ...], environment: Mapping[str, str]) -> None:
        self._words, self._environment = words, environment
        self.public = self._run("public-key", b"")
        self.fingerprint = read_keys(self.public, f"what {words[0]} public-key printed")[0].fingerprint

    def sign(self, document: bytes) -> bytes:
        """The signature. Raises HullmarkError."""
        answer = self._run("sign", document)
        try:
            return base64.b64decode(answer.strip(), validate=True)
        except ValueError as error:
            raise HullmarkError(
                f"{self._words[0]} sign did not print a signature in base64",
                advice="see docs/how-to/sign-and-verify-verdicts.md",
            ) from error

    def _run(self, action: str, given: bytes) -> bytes:
        command = [*self._words, action]
        try:
            ran = subprocess.run(  # noqa: S603 - the program that the user named
                command, input=given, capture_output=True, env=dict(self._environment), timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise HullmarkError(
                f"{self._words[0]} cannot be run to sign: {error}", advice="check --sign exec:…"
            ) from error
        if ran.returncode or len(ran.stdout) > _ANSWER_LIMIT:
            said = ran.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
            raise HullmarkError(
                f"{self._words[0]} {action} failed with status {ran.returncode}", advice=" ".join(said)[:_SHOWN]
            )
        return ran.stdout


def signer_named(text: str, environment: Mapping[str, str]) -> Signer:
    """The signer that `--sign` names: a file with a private key, or `exec:PROGRAM ARGUMENTS`. Raises HullmarkError."""
    if text.startswith(COMMAND):
        try:
            words = tuple(shlex.split(text.removeprefix(COMMAND)))
        except ValueError as error:
            raise HullmarkError(f"{text[:_SHOWN]!r} is not a command: {error}", advice="quote its arguments") from error
        if not words:
            raise HullmarkError("--sign exec: names no program", advice="write exec:PROGRAM ARGUMENTS")
        return CommandSigner(words, environment)
    if text == "keyless":
        raise HullmarkError(
            "signing without a key is not possible here",
            advice="sign with a key, or with a program that asks a key management service: exec:PROGRAM",
        )
    password = next((environment[name] for name in _PASSWORDS if name in environment), None)
    pem = read_bounded(Path(text), KEY_LIMIT)
    return read_signer(pem, password.encode() if password is not None else None, text)


def keys_in(files: tuple[Path, ...]) -> tuple[Key, ...]:
    """The public keys in some files. Raises HullmarkError."""
    return tuple(key for file in files for key in read_keys(read_bounded(file, KEY_LIMIT), str(file)))
