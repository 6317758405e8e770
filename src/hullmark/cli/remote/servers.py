"""The keys that `hullmark login` keeps, a server each: `servers.yaml`, which its owner alone can read."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from hullmark.model.errors import HullmarkError

_NAME = "servers.yaml"
_MOST_BYTES = 1 << 20


class KeptLogin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How to sign in to a server. `key_name` is the key's name there; `cacert` and `insecure` are as they were at the login."""

    api_key: str
    key_name: str = ""
    account: str = ""
    cacert: str = ""
    insecure: bool = False


class _File(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    servers: dict[str, KeptLogin] = {}


class Servers:
    """The logins that are kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME

    def all(self) -> dict[str, KeptLogin]:
        """By address. Raises HullmarkError for a file that others can read, or that has another form."""
        try:
            with self.path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                text = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise HullmarkError(f"cannot read {self.path}: {error.strerror}", advice="check its rights") from error
        if mode & 0o077:
            raise HullmarkError(f"others may read the keys in {self.path}", advice=f"chmod 600 {self.path}")
        return self._decode_logins(text)

    def _decode_logins(self, text: bytes) -> dict[str, KeptLogin]:
        import yaml

        try:
            document: Any = yaml.safe_load(text) if len(text) <= _MOST_BYTES else None
            return msgspec.convert({} if document is None else document, _File).servers
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError, msgspec.ValidationError) as error:
            raise HullmarkError(
                f"{self.path} is not what `hullmark login` wrote", advice="remove it, and sign in again"
            ) from error

    def put(self, url: str, login: KeptLogin) -> None:
        """Keep a login in place of the one before."""
        self._write({**self.all(), url: login})

    def forget(self, url: str) -> None:
        """Keep none for this server."""
        self._write({name: login for name, login in self.all().items() if name != url})

    def _write(self, servers: dict[str, KeptLogin]) -> None:
        import yaml

        text = yaml.safe_dump(msgspec.to_builtins(_File(servers=servers)), sort_keys=True)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A temporary file is its owner's alone (mode 0600) from the first moment on.
            handle, name = tempfile.mkstemp(prefix=f".{_NAME}-", dir=self.path.parent)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self.path)
            finally:
                Path(name).unlink(missing_ok=True)  # where it was not put into its place
        except OSError as error:
            raise HullmarkError(
                f"cannot write {self.path}: {error.strerror}", advice="check rights and space"
            ) from error
