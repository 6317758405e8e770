"""Logins of registries, as accounts keep them: which fits a repository, and the options that a registry is asked with."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.image import Platform
from hullmark.model.reference import HUB, Reference, parse_reference
from hullmark.server.stories.services import Services, outgoing
from hullmark.server.stories.vault import Vault
from hullmark.server.tables.images.registries import RegistryRow
from hullmark.source import SourceOptions
from hullmark.source.distribution import sessions_for


class RegistryLogin(msgspec.Struct, frozen=True, kw_only=True):
    """A login that is not secret here any more. `pattern` is what it is good for: HOST or HOST/PREFIX*, `parallel` how many at once."""

    pattern: str
    username: str
    password: str
    verify: bool
    parallel: int


def context_of(account_id: int, pattern: str) -> str:
    """What a stored password is bound to, so that it cannot be moved to another record."""
    return f"registry/{account_id}/{pattern}"


def login_for(rows: Sequence[RegistryRow], reference: Reference, account_id: int, vault: Vault) -> RegistryLogin | None:
    """The login of the most specific pattern that fits. Raises HullmarkError if it cannot be decrypted."""
    name = f"{reference.host}/{reference.repository}"
    fitting = [row for row in rows if fits(row.pattern, name)]
    if not fitting:
        return None
    row = max(fitting, key=lambda login: (len(login.pattern.rstrip("*")), login.pattern))
    return RegistryLogin(
        pattern=row.pattern,
        username=row.username,
        password=vault.decrypt(row.secret, context_of(account_id, row.pattern)),
        verify=row.verify,
        parallel=row.parallel,
    )


def fits(pattern: str, name: str) -> bool:
    """Whether a pattern covers a repository: the same, a host, or a beginning before an asterisk."""
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return name == pattern or name.startswith(pattern + "/")


@contextmanager
def asking(
    services: Services, reference: Reference, login: RegistryLogin | None, platform: Platform | None = None
) -> Iterator[SourceOptions]:
    """The options for asking a registry as this login. The login is in a file of its own that only this process reads, and then gone."""
    options = outgoing(services, platform)
    if login is None:
        yield options
        return
    options = msgspec.structs.replace(options, insecure=not login.verify)
    if not login.username and not login.password:
        yield options
        return
    with TemporaryDirectory(prefix="hullmark-login-") as folder:
        path = f"{folder}/auth.json"
        auth = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"auths": {reference.host: {"auth": auth}}}, file)
        yield msgspec.structs.replace(options, auth_files=(path,))


def pattern_of(text: str) -> str:
    """A pattern as it is kept: HOST or HOST/PREFIX, with an asterisk at the end at most. Raises HullmarkError if it is not
    valid."""
    bare = text.removesuffix("*")
    host, slash, rest = bare.partition("/")
    is_beginning = text.endswith("*")
    try:
        if is_beginning and not slash:
            raise HullmarkError("an asterisk stands in the path, not in the host", advice="write HOST/PREFIX*")
        named = parse_reference(f"{host}/{rest.rstrip('/-_.') or 'any'}")
    except HullmarkError as error:
        raise HullmarkError(
            f"{text[:100]!r} is not a registry: {error}",
            advice="write HOST[:PORT], or HOST[:PORT]/PREFIX with an asterisk",
        ) from error
    if named.host != host and named.host != HUB:
        raise HullmarkError(f"{host[:100]!r} is not a host of a registry", advice="write HOST[:PORT]")
    return text


def check_login(services: Services, row: RegistryRow, account_id: int) -> str:
    """Why a registry does not let this login in; "" if it does."""
    host, _, rest = row.pattern.removesuffix("*").partition("/")
    named = parse_reference(f"{host}/{rest.rstrip('/-_.') or 'hullmark/any'}")
    try:
        login = login_for([row], named, account_id, services.vault)
        with asking(services, named, login) as options:
            _, sessions = sessions_for(named, options)
            streamed = sessions[-1].open("tags/list?n=1", {"Accept": "application/json"})
            streamed.close()
    except HullmarkError as error:
        return str(error)[:1000]
    return "" if streamed.status in (200, 404) else f"the registry answers {streamed.status}"
