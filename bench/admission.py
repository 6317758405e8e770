"""The gate of a cluster under load: 500 reviews a second over TLS, 100,000 verdicts, restarts, new certificates; into bench/admission.md.

    python -m bench.admission [--seconds N] [--rate N]

The real program runs (`hullmark admit kubernetes`, two workers), filled by pages of a server that goes on telling of changes. The client
is an API server's: connections stay open, and a request is repeated only where a kept connection was closed before it was answered.
Latency counts from the moment at which a request was due, so that one that waits for another is slow, too.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import platform
import random
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from hullmark.model.admission import AdmissibleImage, AdmissionPage, PolicyVerdict
from hullmark.model.verdict import Outcome
from hullmark.places.gates.certificates import make_pair, service_names
from hullmark.places.gates.verdicts import LocalVerdicts

IMAGES = 100_000
PAGE = Path(__file__).with_suffix(".md")
_CONNECTIONS = 32
_NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
_CHANGES = 50


def digest(number: int) -> str:
    return f"sha256:{hashlib.sha256(b'%d' % number).hexdigest()}"


def image(number: int, word: str) -> AdmissibleImage:
    """An image as the server tells of it, with an index, a configuration and two tags."""
    verdict = PolicyVerdict(
        policy="web", verdict=Outcome(word), reason="CVE-2026-1 in libc6 is of high severity", since=_NOON
    )
    return AdmissibleImage(
        digest=digest(number),
        indexes=(digest(number + 10_000_000),),
        config=digest(number + 20_000_000),
        platform="linux/amd64",
        tags=(f"registry.example.org/app-{number}:1", f"registry.example.org/app-{number}:1.{number % 7}"),
        certified_at=_NOON,
        verdicts=(verdict,),
    )


class _Pages(BaseHTTPRequestHandler):
    """A server's verdicts: all once, then some changes with each question."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        after, limit = int(query.get("after", ["0"])[0]), int(query.get("limit", ["500"])[0])
        if after < IMAGES:
            end = min(after + limit, IMAGES)
            images = tuple(image(number, "stop" if number % 10 == 0 else "go") for number in range(after, end))
            page = AdmissionPage(images=images, cursor=str(end), is_last=end == IMAGES, begins=after == 0)
        else:
            numbers = random.sample(range(1, IMAGES), _CHANGES)
            images = tuple(image(number, "stop" if number % 10 == 0 else "go") for number in numbers)
            page = AdmissionPage(images=images, cursor=str(after + 1), is_last=True)
        body = msgspec.json.encode(page)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


class Gate:
    """The program under test, in a folder of its own."""

    def __init__(self, folder: Path, server: str) -> None:
        self.folder = folder
        self.authority = ""
        self.certify()
        self.port = _free_port()
        self.started = time.monotonic()
        words = ["admit", "kubernetes", "--workers", "2", "--grandfather", "none", "--listen", f"127.0.0.1:{self.port}"]
        words += [
            "--certificate",
            "tls.crt",
            "--key",
            "tls.key",
            "--verdicts",
            "verdicts.db",
            "--every",
            "1",
            "--server",
            server,
        ]
        environment = {**os.environ, "HULLMARK_API_KEY": "hmk_" + "0" * 40, "HOME": str(folder)}
        program = str(Path(sys.executable).parent / "hullmark")
        self.process = subprocess.Popen([program, *words], cwd=folder, env=environment)

    def certify(self) -> None:
        """Replace the certificate by another of another authority; both are trusted."""
        pair = make_pair((*service_names("hullmark-gate", "hullmark"), "localhost"), datetime.now(UTC), 1)
        self.authority += pair.authority
        for name, text in (("tls.key", pair.key), ("tls.crt", pair.certificate)):
            (self.folder / "new").write_text(text)
            (self.folder / "new").replace(self.folder / name)

    def wait(self) -> float:
        """Until all verdicts are there and it answers; seconds since it was started."""
        while True:
            time.sleep(0.2)
            assert self.process.poll() is None, "it has ended"
            try:
                verdicts = LocalVerdicts(self.folder / "verdicts.db", is_read_only=True)
                if verdicts.synced_at is not None and verdicts.count() == IMAGES:
                    return time.monotonic() - self.started
            except Exception:  # noqa: BLE001, S112 - it is not there yet
                continue

    def memory(self) -> int:
        """Bytes that all its processes hold alone."""
        numbers = [self.process.pid]
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        total = 0
        for number in (*numbers, *map(int, children)):
            text = Path(f"/proc/{number}/smaps_rollup").read_text()
            total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_")) << 10
        return total

    def cpu(self) -> float:
        """Seconds of processor time of its workers that are there."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ticks = os.sysconf("SC_CLK_TCK")
        stats = [
            Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            for number in (self.process.pid, *children)
        ]
        return sum(int(fields[11]) + int(fields[12]) for fields in stats) / ticks


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def review(number: int) -> tuple[bytes, bool]:
    """A review of a pod with three containers as a Deployment makes it, and whether it may be."""
    numbers = [random.randrange(IMAGES) for _ in range(3)]  # noqa: S311
    if number % 4:
        numbers = [number if number % 10 else number + 1 for number in numbers]
    containers = [
        {
            "name": f"c{place}",
            "image": f"registry.example.org/app-{number}:1" + (f"@{digest(number)}" if number % 3 else ""),
            "env": [{"name": f"SETTING_{setting}", "value": "x" * 40} for setting in range(12)],
            "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "100m"}},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [
                {"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True}
            ],
        }
        for place, number in enumerate(numbers)
    ]
    meta: dict[str, Any] = {"name": f"web-{number}", "namespace": "shop", "labels": {"app": "web"}}
    meta["ownerReferences"] = [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "1", "controller": True}
    ]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": containers, "volumes": [{"name": "token"}]},
    }
    request = {
        "uid": f"uid-{number}",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "shop",
        "operation": "CREATE",
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"},
        "object": pod,
        "oldObject": None,
        "dryRun": False,
    }
    document = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return json.dumps(document).encode(), all(number % 10 for number in numbers)


class Client:
    """One connection, as an API server keeps it."""

    def __init__(self, gate: Gate, tally: Tally) -> None:
        self._gate, self._tally = gate, tally
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, body: bytes) -> Any:
        head = f"POST {path} HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        while True:
            is_fresh = self._streams is None
            if self._streams is None:
                context = ssl.create_default_context(cadata=self._gate.authority)
                self._streams = await asyncio.open_connection(
                    "127.0.0.1", self._gate.port, ssl=context, server_hostname="localhost"
                )
                self._tally.connections += 1
            reader, writer = self._streams
            try:
                writer.write(head.encode() + body)
                await writer.drain()
                first = await reader.readline()
                if not first:
                    raise ConnectionResetError("closed before it was answered")
            except (ConnectionError, ssl.SSLError):
                writer.close()
                self._streams = None
                if is_fresh:
                    raise
                self._tally.repeated += 1
                continue
            return await self._read(first, reader, writer)

    async def _read(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        length, closes = 0, False
        while (line := (await reader.readline()).strip().lower()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name == b"content-length" else length
            closes = closes or (name == b"connection" and b"close" in value)
        answer = await reader.readexactly(length)
        if closes:
            writer.close()
            self._streams = None
        assert first.split()[1] == b"200", first
        return json.loads(answer)["response"]


class Tally:
    """What came of the requests: seconds each, how many were lost, wrong, repeated; how many connections were made."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.lost: list[str] = []
        self.wrong = self.repeated = self.connections = 0

    def at(self, share: float) -> float:
        """Milliseconds within which a share of the requests was answered."""
        return sorted(self.seconds)[min(int(len(self.seconds) * share), len(self.seconds) - 1)] * 1000


async def load(gate: Gate, seconds: float, rate: int) -> Tally:
    """So many requests a second, evenly, over kept connections."""
    tally, free, loop = Tally(), asyncio.Queue[Client](), asyncio.get_running_loop()
    for _ in range(_CONNECTIONS):
        free.put_nowait(Client(gate, tally))
    reviews = [review(number) for number in range(512)]
    warm = [await free.get() for _ in range(_CONNECTIONS)]
    for client in warm:
        await client.ask("/validate", reviews[0][0])
        free.put_nowait(client)

    async def one(number: int, due: float) -> None:
        client = await free.get()
        body, is_good = reviews[number % len(reviews)]
        try:
            response = await client.ask("/validate", body)
            tally.seconds.append(loop.time() - due)
            tally.wrong += response["allowed"] is not is_good or response["uid"] != f"uid-{number % len(reviews)}"
        except Exception as error:  # noqa: BLE001 - whatever it is, an answer is lost
            tally.lost.append(repr(error))
        finally:
            free.put_nowait(client)

    began, tasks = loop.time() + 0.1, set[asyncio.Task[None]]()
    for number in range(int(seconds * rate)):
        due = began + number / rate
        await asyncio.sleep(max(due - loop.time(), 0))
        task = asyncio.create_task(one(number, due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return tally


def _disturb(gate: Gate, stop: threading.Event) -> dict[str, int]:
    """Restart the workers, and replace the certificate, again and again."""
    done = {"restarts": 0, "certificates": 0}

    def work() -> None:
        while not stop.wait(5):
            gate.process.send_signal(signal.SIGHUP)
            done["restarts"] += 1
            if stop.wait(5):
                return
            gate.certify()
            done["certificates"] += 1

    threading.Thread(target=work, daemon=True).start()
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=int, default=500)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, served() as server:
        gate = Gate(Path(name), server)
        try:
            ready = gate.wait()
            cpu = gate.cpu()
            calm = asyncio.run(load(gate, wanted.seconds, wanted.rate))
            cpu = (gate.cpu() - cpu) / len(calm.seconds) * 1000
            memory = gate.memory()
            stop = threading.Event()
            done = _disturb(gate, stop)
            rough = asyncio.run(load(gate, wanted.seconds, wanted.rate))
            stop.set()
        finally:
            gate.process.terminate()
            gate.process.wait(30)
        size = (Path(name) / "verdicts.db").stat().st_size
    _write(wanted, (calm, rough), done, (ready, cpu, memory, size))


def _write(
    wanted: Any, tallies: tuple[Tally, Tally], done: dict[str, int], numbers: tuple[float, float, int, int]
) -> None:
    ready, cpu, memory, size = numbers
    rows = [
        f"| {name} | {len(tally.seconds):,} | {tally.at(0.5):.1f} | {tally.at(0.99):.1f} | {tally.at(0.999):.1f} | {tally.at(1):.1f} "
        f"| {len(tally.lost)} | {tally.wrong} | {tally.repeated} | {tally.connections} |"
        for name, tally in zip(("calm", "disturbed"), tallies, strict=True)
    ]
    load_average = os.getloadavg()[0]
    machine = f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {len(os.sched_getaffinity(0))} processors"
    text = f"""# The gate of a cluster under load

`make prove-admission` writes this page. {machine} (load average at the end {load_average:.1f}), Python
{platform.python_version()}. {IMAGES:,} images with verdicts, {wanted.rate} reviews of pods with three containers a second for
{wanted.seconds:.0f} s, over TLS, {_CONNECTIONS} kept connections, {_CHANGES} changed verdicts a second; two workers; client
and server share the machine. Milliseconds, from when a request was due.

| | answers | p50 | p99 | p99.9 | longest | lost | wrong | repeated | connections |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
{chr(10).join(rows)}

Disturbed: {done["restarts"]} times all workers were replaced (SIGHUP), {done["certificates"]} times the certificate. *Repeated*: a kept
connection was closed before it was answered, and the request was sent again by a new one, as the HTTP client of an API server does.

- Filled and answering {ready:.1f} s after its start; the file of verdicts has {size / 1e6:.0f} MB, all processes together hold
  {memory / 1e6:.0f} MB alone.
- {cpu:.2f} ms of processor time an answer.
"""
    PAGE.write_text(text)
    for each in tallies:
        assert not each.lost, each.lost[:3]
        assert not each.wrong
    print(text)


if __name__ == "__main__":
    main()
