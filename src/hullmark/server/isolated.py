"""Work for one request in a process of its own: bounded in time and memory, and ended when its time is over.

`python -m hullmark.server.isolated TASK FOLDER` reads FOLDER/order (JSON) and, where something was sent, FOLDER/document; it writes
FOLDER/answer or FOLDER/refusal. Settings come from the environment.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.net.errors import NetError
from hullmark.server.objects.objects import ObjectsUnreachable
from hullmark.server.stories.advisories.advisories import SnapshotCache
from hullmark.server.stories.images.register import RegistrationResult
from hullmark.server.stories.images.sboms import SbomOrder, register_sbom
from hullmark.server.stories.judging.policy_tests import PolicyTestOrder, run_cases
from hullmark.server.stories.judging.stateless import ScanOrder, scan
from hullmark.server.stories.services import Services, services_for
from hullmark.server.stories.settings import environment_of, settings_from
from hullmark.server.tables.database import DatabaseUnreachable
from hullmark.source import ImageNotFound

ORDER, DOCUMENT, ANSWER, REFUSAL = "order", "document", "answer", "refusal"
_ADD_IT = "add the image instead: hullmark image add, or POST /api/v1/images"

_KINDS: dict[str, type[HullmarkError]] = {
    kind.__name__: kind for kind in (ImageNotFound, NetError, DatabaseUnreachable, ObjectsUnreachable, HullmarkError)
}


_start = asyncio.create_subprocess_exec
"""How a process is started; where many are, one that is loaded already may be forked instead."""


class _Refusal(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    reason: str
    advice: str


async def run_isolated(services: Services, task: str, order: msgspec.Struct, folder: Path) -> bytes:
    """What a task answers. `folder` is its own, and may hold the document. Raises HullmarkError, also where it takes too much."""
    settings = services.settings
    (folder / ORDER).write_bytes(msgspec.json.encode(order))
    process = await _start(
        sys.executable,
        "-m",
        "hullmark.server.isolated",
        task,
        str(folder),
        env={**os.environ, **environment_of(settings)},
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        await asyncio.wait_for(process.wait(), settings.scan_seconds)
    except TimeoutError:
        raise HullmarkError(
            f"it took longer than {settings.scan_seconds:g} seconds",
            advice=_ADD_IT,
        ) from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return await asyncio.to_thread(_answer, folder)


def _answer(folder: Path) -> bytes:
    with suppress(FileNotFoundError):
        return (folder / ANSWER).read_bytes()
    with suppress(FileNotFoundError):
        refused = msgspec.json.decode((folder / REFUSAL).read_bytes(), type=_Refusal)
        raise _KINDS[refused.kind](refused.reason, advice=refused.advice)
    raise HullmarkError("it needed more than it may have", advice=_ADD_IT)


# In the process itself


async def _scan(services: Services, snapshot_cache: SnapshotCache, folder: Path) -> bytes:
    order = msgspec.json.decode((folder / ORDER).read_bytes(), type=ScanOrder)
    document = folder / DOCUMENT
    return await scan(services, snapshot_cache, order, document if document.exists() else None)


async def _register(services: Services, snapshot_cache: SnapshotCache, folder: Path) -> bytes:
    order = msgspec.json.decode((folder / ORDER).read_bytes(), type=SbomOrder)
    worker = f"sbom:{os.getpid()}:{folder.name}"
    added: RegistrationResult = await register_sbom(services, snapshot_cache, order, folder / DOCUMENT, worker)
    return msgspec.json.encode(added)


async def _try_policy(services: Services, snapshot_cache: SnapshotCache, folder: Path) -> bytes:
    order = msgspec.json.decode((folder / ORDER).read_bytes(), type=PolicyTestOrder)
    return msgspec.json.encode(await asyncio.to_thread(run_cases, order))


_TASKS: dict[str, Callable[[Services, SnapshotCache, Path], Awaitable[bytes]]] = {
    "scan": _scan,
    "sbom": _register,
    "policy-tests": _try_policy,
}


async def _run(services: Services, task: str, folder: Path) -> None:
    snapshot_cache = SnapshotCache(services.objects, services.settings.data / "cache" / "snapshots")
    try:
        async with services.database:
            answer = await _TASKS[task](services, snapshot_cache, folder)
    except HullmarkError as error:
        kind = next(name for name, kind in _KINDS.items() if isinstance(error, kind))
        refused = _Refusal(kind=kind, reason=str(error)[:4000], advice=(error.advice or "")[:4000])
        (folder / REFUSAL).write_bytes(msgspec.json.encode(refused))
        return
    except MemoryError:
        return  # what is missing says it
    (folder / ANSWER).write_bytes(answer)


def main(argv: list[str]) -> int:
    """Carry out a task; returns the exit status."""
    task, folder = argv
    settings = settings_from(os.environ)
    seconds = int(settings.scan_seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    # Private memory: a snapshot that is mapped from its file does not count.
    resource.setrlimit(resource.RLIMIT_DATA, (settings.scan_memory, settings.scan_memory))
    asyncio.run(_run(services_for(settings, dict(os.environ), connections=2), task, Path(folder)))
    return 0


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
