"""Objects by key, in a folder or in a bucket: documents, layer records, snapshots, uploads.

An object is there whole or not at all, whenever its writer dies. All methods block: async code calls them in threads, any number at once.
What a killed writer leaves is never listed or read: in a folder it is a file that `sweep` removes, in a bucket an unfinished multipart
upload, which a lifecycle rule of the bucket ends.
"""

from __future__ import annotations

import io
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import unquote

import obstore
from obstore.exceptions import (
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)
from obstore.store import AzureStore, GCSStore, LocalStore, MemoryStore, ObjectStore, S3Store

from hullmark.model.errors import HullmarkError
from hullmark.server.objects.buckets import bucket_store
from hullmark.server.objects.object_writer import ObjectWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer

_PART = 8 << 20
_PARTS = 9_000  # S3 takes 10,000 parts of an object
_AT_ONCE = 4
_KEY_LENGTH = 900
_NAME_LENGTH = 240  # a file name has 255 bytes, and a file that is being written a few more than its own
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@+=,-]*")
_UNFINISHED = re.compile(r".#[0-9]+\Z", re.DOTALL)
_DELETED_AT_ONCE = 1000
_REASON_LENGTH = 300
_MACHINES_OWN = ("169.254.", "metadata.google.internal")  # where a cloud's machines ask for credentials
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound")

_Item = TypeVar("_Item")


class ObjectsUnreachable(HullmarkError):
    """The store does not answer, or could not do it this time: it may be tried again."""


class ObjectsRefused(HullmarkError):
    """The store refuses until a setting changes: no such bucket, no permission, wrong credentials."""


class BadKey(HullmarkError):
    """A key that no object may have."""


class Head(NamedTuple):
    """An object's size in bytes and when it was written (with a time zone)."""

    size: int
    modified: datetime


class ListedObject(NamedTuple):
    """An object in a list."""

    key: str
    size: int
    modified: datetime


class Objects:
    """A store of objects. Made by `open_objects`. Keys are names joined by slashes, as in `layers/ab/sha256-…`."""

    def __init__(self, store: ObjectStore, where: str, folder: Path | None = None) -> None:
        self.where = where
        self._store = store
        self._folder = folder

    def put(self, key: str, payload: bytes) -> None:
        """Write an object, in place of one that may be there."""
        is_large = len(payload) > 2 * _PART and isinstance(self._store, (S3Store, GCSStore, AzureStore))
        with self._translate_errors(f"write {check_key(key)}"):
            obstore.put(self._store, key, payload, use_multipart=is_large, chunk_size=_PART, max_concurrency=_AT_ONCE)
            self._settle(key)

    def put_file(self, key: str, path: Path) -> None:
        """Write an object with a file's content, a few parts of it in memory at a time.

        Raises OSError where the file cannot be read.
        """
        check_key(key)
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            part = max(_PART, -(-size // _PARTS))
            with self._translate_errors(f"write {key}"):
                obstore.put(
                    self._store, key, file, use_multipart=size > _PART, chunk_size=part, max_concurrency=_AT_ONCE
                )
                self._settle(key)

    def writer(self, key: str) -> ObjectWriter:
        """Begin an object that is written bit by bit, and is there once its writer commits."""
        return ObjectWriter(self._store, check_key(key), self._translate_errors, self._settle)

    def get(self, key: str) -> bytes | None:
        """The whole object, or None if there is none."""
        with self._translate_errors(f"read {check_key(key)}"), suppress(FileNotFoundError):
            return self._ask_store(lambda: obstore.get(self._store, key).bytes().to_bytes())
        return None

    def open(self, key: str) -> ObjectReader | None:
        """The object to be read bit by bit, or None if there is none."""
        with self._translate_errors(f"read {check_key(key)}"), suppress(FileNotFoundError):
            meta = self._ask_store(lambda: obstore.head(self._store, key))
            return ObjectReader(self, key, meta["size"], meta["e_tag"])
        return None

    def read_at(self, key: str, start: int, length: int, *, version: str | None = None) -> bytes | None:
        """At most `length` bytes of the object from `start` on, fewer only at its end, or None if there is no such object.

        `version`: the object must still be this one (as `ObjectReader` knows it), else ObjectsUnreachable is raised.
        """
        if start < 0 or length < 0:
            raise ValueError("an object is read from its first byte on")
        with self._translate_errors(f"read {check_key(key)}"), suppress(FileNotFoundError):
            # A range past the end is an error that each kind of store words in its own way.
            meta = self._ask_store(lambda: obstore.head(self._store, key)) if version is None else None
            if length == 0 or (meta is not None and start >= meta["size"]):
                return b""
            tag = version if meta is None else meta["e_tag"]
            return self._ask_store(lambda: self._range(key, start, start + length, tag))
        return None

    def _range(self, key: str, start: int, end: int, tag: str | None) -> bytes:
        if tag:
            answer = obstore.get(self._store, key, options={"range": (start, end), "if_match": tag})
        else:
            answer = obstore.get(self._store, key, options={"range": (start, end)})
        return answer.bytes().to_bytes()

    def head(self, key: str) -> Head | None:
        """An object's size and time, or None if there is none."""
        with self._translate_errors(f"look for {check_key(key)}"), suppress(FileNotFoundError):
            meta = self._ask_store(lambda: obstore.head(self._store, key))
            return Head(meta["size"], meta["last_modified"])
        return None

    def list(self, prefix: str = "") -> Iterator[ListedObject]:
        """All objects whose keys begin with these whole names (`a/b` has `a/b/c`, not `a/bc`), in no order, a few at a time in memory."""
        prefix = prefix.rstrip("/")
        if prefix:
            check_key(prefix)
        with self._translate_errors("list objects"):
            stream = obstore.list(self._store, prefix or None)
        while True:
            with self._translate_errors("list objects"):
                metas = next(stream, None)
            if metas is None:
                return
            for meta in metas:
                yield ListedObject(meta["path"], meta["size"], meta["last_modified"])

    def delete(self, keys: Iterable[str]) -> None:
        """Remove these objects. One that is not there is as good as removed."""
        names = [check_key(key) for key in keys]
        for at in range(0, len(names), _DELETED_AT_ONCE):
            some = names[at : at + _DELETED_AT_ONCE]
            if self._folder is None and self._delete(some):
                continue
            # A store that calls a missing object an error stops there.
            for key in some:
                self._delete(key)

    def _delete(self, keys: str | Sequence[str]) -> bool:
        with self._translate_errors("remove objects"), suppress(FileNotFoundError):
            self._ask_store(lambda: obstore.delete(self._store, keys))
            return True
        return False

    def check(self) -> None:
        """Raises ObjectsUnreachable or ObjectsRefused unless the store answers."""
        with self._translate_errors("list objects"):
            if self._folder is not None and not self._folder.is_dir():
                raise self._unreachable("list objects", "the folder is gone")
            next(obstore.list(self._store, chunk_size=1), None)

    def sweep(self, older_than_seconds: float) -> int:
        """Remove what writers that were killed left in a folder, of this age at least; returns how many files."""
        if self._folder is None:
            return 0
        before, count = time.time() - older_than_seconds, 0
        for path in self._folder.rglob("*#*"):
            with suppress(FileNotFoundError):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and _UNFINISHED.search(path.name) and status.st_mtime <= before:
                    path.unlink()
                    count += 1
        return count

    def _settle(self, key: str) -> None:
        """In a folder: sync what was written to disk before its existence is reported."""
        if self._folder is None:
            return
        path = self._folder / key
        for place in (path, path.parent):
            with suppress(FileNotFoundError):  # removed again by another process
                handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)

    def _ask_store(self, ask: Callable[[], _Item]) -> _Item:
        """The answer. Raises FileNotFoundError for a missing object, but not where it is the whole store that is missing."""
        try:
            return ask()
        except FileNotFoundError as error:
            if any(word in str(error) for word in _NO_BUCKET):
                raise self._no_bucket() from error
            if self._folder is not None and not self._folder.is_dir():
                raise self._unreachable("read", "the folder is gone") from error
            raise

    @contextmanager
    def _translate_errors(self, what: str) -> Iterator[None]:
        """The store's errors as ours."""
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise ObjectsRefused(
                f"the object store {self.where} does not let us {what}: {_reason(error)}",
                advice="check the credentials, and that they may read, write, list and delete there",
            ) from error
        except PreconditionError as error:
            raise self._unreachable(what, "it was replaced meanwhile") from error
        except FileNotFoundError as error:  # what is written or listed is missing only where the bucket is
            raise self._no_bucket() from error
        except (BaseError, OSError) as error:
            if any(word in str(error) for word in _NO_BUCKET):
                raise self._no_bucket() from error
            raise self._unreachable(what, _reason(error)) from error

    def _no_bucket(self) -> ObjectsRefused:
        return ObjectsRefused(
            f"the object store {self.where} does not exist",
            advice="create the bucket, or name another one in HULLMARK_OBJECTS",
        )

    def _unreachable(self, what: str, reason: str) -> ObjectsUnreachable:
        if self._folder is not None:
            advice = "check that the folder is there, may be written to and has room"
        elif any(word in reason for word in _MACHINES_OWN):
            advice = "set the store's credentials in the environment: none are there, and this machine was given none of its own"
        else:
            advice = "check the endpoint, the network and the store's own state, then try again"
        return ObjectsUnreachable(f"the object store {self.where} could not {what}: {reason}", advice=advice)


class ObjectReader(io.RawIOBase):
    """One object, read bit by bit: by ranges, or as a file that can be read and sought (wrap it in io.BufferedReader to read little).

    It is the object that was there when it was opened: where that is replaced meanwhile, ObjectsUnreachable is raised.
    """

    def __init__(self, objects: Objects, key: str, size: int, version: str | None) -> None:
        super().__init__()
        self.size = size
        self._objects = objects
        self._key = key
        self._version = version
        self._at = 0

    def read_at(self, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on, fewer only at the object's end."""
        if start < 0 or length < 0:
            raise ValueError("an object is read from its first byte on")
        length = min(length, self.size - start)
        if length <= 0:
            return b""
        found = self._objects.read_at(self._key, start, length, version=self._version)
        if found is None or len(found) != length:
            raise ObjectsUnreachable(f"the object {self._key} is gone or was cut short", advice="try again")
        return found

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill some of the buffer; 0 means the end."""
        view = memoryview(buffer).cast("B")
        found = self.read_at(self._at, min(len(view), _PART))
        view[: len(found)] = found
        self._at += len(found)
        return len(found)

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place; returns which."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError("there is nothing before the first byte")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        """The place that is read next."""
        return self._at


def check_key(key: str) -> str:
    """The key. Raises BadKey for one with empty names, `.` or `..`, a leading slash, unusual letters, or that is too long."""
    names = key.split("/")
    if len(key) > _KEY_LENGTH or not all(len(name) <= _NAME_LENGTH and _NAME.fullmatch(name) for name in names):
        raise BadKey(
            f"no object may have the key {key[:80]!r}",
            advice="a key is made of names joined by single slashes; a name has letters, digits and _ . : @ + = , -",
        )
    return key


def open_objects(url: str, environment: Mapping[str, str]) -> Objects:
    """The store at a folder's path or file://PATH, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or memory://.

    Credentials, regions and endpoints come from the usual variables of the environment (AWS_…, GOOGLE_…, AZURE_…). A folder is
    made where there is none, for its owner alone. A bucket is not asked for anything yet: `Objects.check` does. Raises
    HullmarkError where the URL is not understood, a setting is wrong or the folder cannot be made.
    """
    scheme, mark, rest = url.partition("://")
    if not mark or scheme == "file":
        return _folder(Path(unquote(rest) if mark else url))
    if scheme == "memory":
        return Objects(MemoryStore(), "memory")
    bucket, _, prefix = rest.partition("/")
    prefix = prefix.strip("/")
    if scheme not in ("s3", "gs", "az") or not bucket or "@" in bucket or "?" in rest:
        raise HullmarkError(
            "the address of the object store is not understood",
            advice="name a folder, or s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX",
        )
    if prefix:
        check_key(prefix)
    try:
        store = bucket_store(scheme, bucket, prefix or None, environment)
    except (BaseError, UnknownConfigurationKeyError, ValueError) as error:
        raise ObjectsRefused(
            f"the object store {url} cannot be used: {_reason(error)}", advice="check the variables that set it up"
        ) from error
    return Objects(store, url)


def _folder(path: Path) -> Objects:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = path.resolve(strict=True)
        return Objects(LocalStore(folder), str(folder), folder)
    except (BaseError, OSError) as error:
        raise ObjectsRefused(
            f"the folder {path} cannot be used: {_reason(error)}",
            advice="name a folder that can be made and written to",
        ) from error


def _reason(error: Exception) -> str:
    """The error's first line, without the queries of addresses: they may carry credentials."""
    return re.sub(r"\?\S*", "", str(error).partition("\n")[0])[:_REASON_LENGTH]
