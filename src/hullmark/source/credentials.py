"""Logins for registries, where docker and podman keep them: containers-auth.json(5), Docker's config.json, and helpers.

Nothing here is ever part of a message: neither passwords nor tokens, nor what a helper printed.
"""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.reference import HUB, HUB_ALIASES

if TYPE_CHECKING:
    import subprocess

_HELPER = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch
_HELPER_SECONDS = 20.0
_FILE_LIMIT = Limit(4 << 20, "bytes of a file with log-ins, or of a helper's answer", "refused")
_HUB_KEY = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A login. Either `user` and `password`, or an `identity_token` to be changed for others, or a `registry_token`.

    `is_own`: the registry's own cloud gave it; it must not reach another host, nor travel in the clear.
    """

    user: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""
    is_own: bool = False

    def __bool__(self) -> bool:
        return bool(self.user or self.identity_token or self.registry_token)


NOBODY = Credentials()


class _Auth(msgspec.Struct, frozen=True):
    auth: str | None = None
    username: str | None = None
    password: str | None = None
    identitytoken: str | None = None
    registrytoken: str | None = None


class _File(msgspec.Struct, frozen=True, rename="camel"):
    auths: dict[str, _Auth] | None = None
    creds_store: str | None = None
    cred_helpers: dict[str, str] | None = None


class _HelperAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    username: str | None = None
    secret: str | None = None


def auth_files(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Where logins are kept, first one first: REGISTRY_AUTH_FILE alone if it is set, else podman's files, then Docker's."""
    if only := environment.get("REGISTRY_AUTH_FILE"):
        return (only,)
    home = environment.get("HOME", "")
    files = []
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        files.append(f"{runtime}/containers/auth.json")
    if settings := environment.get("XDG_CONFIG_HOME") or (home and f"{home}/.config"):
        files.append(f"{settings}/containers/auth.json")
    if docker := environment.get("DOCKER_CONFIG") or (home and f"{home}/.docker"):
        files.append(f"{docker}/config.json")
    return tuple(files)


def find_credentials(host: str, repository: str, files: tuple[str, ...], environment: Mapping[str, str]) -> Credentials:
    """The login for a repository: the first file that has one. NOBODY if none has.

    Raises HullmarkError for an existing file that cannot be read, or names a helper that no helper can be called.
    """
    for path in files:
        file = _read(path)
        if file is None:
            continue
        found = _from_helpers(file, host, environment) or _from_auths(file.auths or {}, host, repository)
        if found:
            return found
    return NOBODY


def _read(path: str) -> _File | None:
    try:
        with Path(path).open("rb") as stream:
            body = stream.read(_FILE_LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise HullmarkError(f"{path} cannot be read ({error.strerror})", advice="check its permissions") from error
    if not body.strip():
        return None
    try:
        return msgspec.json.decode(body, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # No cause: its message could quote the file.
        raise HullmarkError(f"{path} is not a file of registry logins", advice="mend it, or log in again") from None


def _names(host: str, repository: str) -> Iterator[str]:
    """Under what a login may be filed, the most specific first."""
    hosts = HUB_ALIASES if host == HUB else (host,)
    parts = repository.split("/")
    for count in range(len(parts), -1, -1):
        yield from ("/".join((name, *parts[:count])) for name in hosts)


def _from_auths(auths: Mapping[str, _Auth], host: str, repository: str) -> Credentials:
    filed = {_plain_key(key): auth for key, auth in reversed(list(auths.items()))}
    found = (filed[name] for name in _names(host, repository) if name in filed)
    return next((login for auth in found if (login := _login(auth))), NOBODY)


def _plain_key(key: str) -> str:
    """Docker files logins under addresses, `https://HOST/v1/`, too."""
    plain = key.partition("://")[2] or key
    for ending in ("/v1/", "/v2/", "/v1", "/v2", "/"):
        plain = plain.removesuffix(ending)
    return plain


def _login(auth: _Auth) -> Credentials:
    user, password = auth.username or "", auth.password or ""
    if auth.auth:
        try:
            user, _, password = base64.b64decode(auth.auth, validate=False).decode("utf-8").partition(":")
        except ValueError:  # not base64, or not UTF-8
            return NOBODY
    return Credentials(user, password.rstrip("\0"), auth.identitytoken or "", auth.registrytoken or "")


def _from_helpers(file: _File, host: str, environment: Mapping[str, str]) -> Credentials:
    helpers = file.cred_helpers or {}
    names = (*HUB_ALIASES, _HUB_KEY) if host == HUB else (host,)
    name = next((helpers[name] for name in names if name in helpers), "")
    name = name or file.creds_store or ""
    if not name:
        return NOBODY
    if not _HELPER(name):
        raise HullmarkError(
            "the name of a credential helper has strange letters", advice="mend credHelpers and credsStore"
        )
    return _ask_helper(name, _HUB_KEY if host == HUB else host, environment)


def _ask_helper(name: str, server: str, environment: Mapping[str, str]) -> Credentials:
    """What `docker-credential-NAME get` knows. A helper that is missing knows nothing: the image may be public."""
    import subprocess

    program = shutil.which(f"docker-credential-{name}", path=environment.get("PATH", ""))
    if program is None:
        return NOBODY
    try:
        ran = subprocess.run(  # noqa: S603 - the user's own settings name the program, and its name was checked
            [program, "get"],
            input=server.encode(),
            capture_output=True,
            timeout=_HELPER_SECONDS,
            env=dict(environment),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HullmarkError(
            f"the credential helper docker-credential-{name} does not answer", advice="run it by hand, or log in again"
        ) from error
    return _read_helper_answer(ran)


def _read_helper_answer(ran: subprocess.CompletedProcess[bytes]) -> Credentials:
    if ran.returncode != 0:
        return NOBODY
    try:
        answer = msgspec.json.decode(ran.stdout[:_FILE_LIMIT], type=_HelperAnswer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return NOBODY
    if answer.username == "<token>":
        return Credentials(identity_token=answer.secret or "")
    return Credentials(answer.username or "", answer.secret or "")
