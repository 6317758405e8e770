"""The server as its operators run it: processes of `hullmark`, a registry, Debian's PostgreSQL, and a client that speaks HTTP to them."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from tests.support import fork_server
from tests.support.cluster import put_cluster
from tests.support.database import memory
from tests.support.places import REPOSITORY
from tests.support.registry import free_port

PASSWORD = "the first person's words"  # noqa: S105
POLICY = REPOSITORY / "policies" / "baseline.yaml"
_PROGRAM = Path(sys.executable).parent / "hullmark"

Ended = Mapping[str, float]


@dataclass
class Answer:
    """What was answered."""

    status: int
    body: bytes

    @property
    def document(self) -> Any:
        """The JSON of the answer."""
        return json.loads(self.body)


@dataclass
class Client:
    """Somebody who asks a server. Without a key it is the first person. `account`: another one's than its own."""

    host: str
    port: int
    key: str = ""
    wait: float = 60.0
    account: str = ""

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Ask once. `body` is sent as JSON, unless it is bytes. Raises OSError or HTTPException where nobody answers."""
        basic = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Bearer {self.key}" if self.key else f"Basic {basic}"}
        if self.account:
            headers["X-Hullmark-Account"] = self.account
        if body is not None and not isinstance(body, bytes):
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.wait)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())

    def must(self, method: str, path: str, body: Any = None) -> Any:
        """Ask, and have it done; the answer's JSON."""
        answer = self.ask(method, path, body)
        assert 200 <= answer.status < 300, (method, path, answer.status, answer.body[:500])
        return answer.document if answer.body else None

    def insist(self, method: str, path: str, body: Any = None, seconds: float = 120.0) -> Answer:
        """Ask until something else comes than that it cannot be done just now."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                answer = self.ask(method, path, body)
                if answer.status < 500 and answer.status != 429:
                    return answer
            assert time.monotonic() < deadline, f"{method} {path} was not answered in {seconds} s"
            time.sleep(0.1)

    def signed_in(self, name: str = "tests") -> Client:
        """The same with an API key, which costs less than a password each time."""
        made = self.must("POST", "/api/v1/keys", {"name": name, "role": "admin"})
        return Client(self.host, self.port, made["key"], self.wait, self.account)

    def prepare(self, registry: str, policy: Path = POLICY) -> None:
        """Have a registry on plain HTTP known, and a policy in force."""
        self.must("PUT", f"/api/v1/registries/{registry}", {"verify": False})
        kept = self.must("POST", "/api/v1/policies", {"text": policy.read_text()})
        self.must("POST", "/api/v1/activations", {"policy": kept["name"]})

    def add(self, reference: str) -> str:
        """Add an image; its digest."""
        return str(self.must("POST", "/api/v1/images", {"reference": reference})["digest"])

    def upload(self, archive: bytes, reference: str) -> Answer:
        """Send an archive."""
        return self.ask("POST", f"/api/v1/uploads?reference={quote(reference)}", archive)

    def images(self) -> list[dict[str, Any]]:
        """All images of the account."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.insist("GET", f"/api/v1/images?limit=200&cursor={cursor}").document
            found += page["items"]
            if not (cursor := page["next"] or ""):
                return found

    def verdicts(self) -> dict[str, str]:
        """The verdict in force on each image that has one, by the image's digest."""
        found: dict[str, str] = {}
        for image in self.images():
            answer = self.ask("GET", f"/api/v1/verdicts/{image['digest']}")
            if answer.status == 200:
                found[image["digest"]] = answer.document[0]["verdict"]
        return found


_UNDER_WAY = {
    "images": "SELECT id, state, attempts, lease_by, lease_until - now() AS left, reason FROM image",
    "jobs": "SELECT job.id, task_name, status, attempts, worker_id, now() - worker.last_heartbeat AS silent, scheduled_at, args"
    " FROM procrastinate_jobs job LEFT JOIN procrastinate_workers worker ON worker.id = worker_id ORDER BY job.id",
    "sessions": "SELECT pid, pg_blocking_pids(pid), state, wait_event_type, wait_event, now() - state_change AS since, left(query, 100)"
    " FROM pg_stat_activity WHERE datname = current_database() AND (state <> 'idle' OR cardinality(pg_blocking_pids(pid)) > 0)",
}
"""What may hold up a server."""


def until(fact: Callable[[], bool], seconds: float, what: str = "it", pause: float = 0.1) -> None:
    """Wait until something is so. Nobody answering means that it is not so yet."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if fact():
                return
        assert time.monotonic() < deadline, f"{what} did not come about in {seconds} s"
        time.sleep(pause)


@dataclass
class Process:
    """A process of `hullmark serve`, started by the program's name, or forked as `tests.support.fork_server` forks."""

    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    is_forked: bool = False
    child: subprocess.Popen[bytes] | fork_server.Launched | None = None
    status: int | None = None

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            if self.is_forked:
                request = fork_server.RunRequest(self.command[1:], self.environment, str(self.log.parent))
                self.child = fork_server.launch(request, log.fileno())
            if self.child is None:
                self.child = subprocess.Popen(self.command, env=dict(self.environment), stderr=log, stdout=log)

    @property
    def pid(self) -> int:
        """Its number."""
        assert self.child is not None
        return self.child.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.child is not None and self.child.poll() is None

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 60.0) -> int:
        """Send it a signal, and wait for its end; the exit status. It is killed, and the test fails, if it does not end."""
        if self.child is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.child.pid, number)
        try:
            self.status = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait(seconds)
            raise AssertionError(f"{self.command} did not end in {seconds} s") from None
        self.child = None
        return self.status


@dataclass
class Server:
    """A server's processes, that share a folder and settings. `all` is the one with everything, if it runs so.

    `is_forked`: they are forked, for tests that are not about how they start, over a database that was made before; which costs a sixth.
    """

    folder: Path
    settings: dict[str, str]
    port: int = field(default_factory=free_port)
    is_forked: bool = False
    processes: dict[str, Process] = field(default_factory=dict)

    @property
    def client(self) -> Client:
        """The first person, with a password."""
        return Client("127.0.0.1", self.port)

    def environment(self) -> dict[str, str]:
        """The variables that its processes are given."""
        own = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "HULLMARK_DATA": str(self.folder / "data"),
            "HULLMARK_LISTEN": f"127.0.0.1:{self.port}",
            "HULLMARK_ADMIN_PASSWORD": PASSWORD,
            "HULLMARK_ALLOW_ADDRESSES": "127.0.0.0/8,10.231.0.0/16",
            "HULLMARK_RATE": "0",
        }
        if "PYTHONPATH" in os.environ:
            own["PYTHONPATH"] = os.environ["PYTHONPATH"]
        return {**own, **self.settings}

    def start(self, name: str = "all", *, before: Sequence[str] = (), **settings: str) -> Process:
        """Start a role (what stands before a hyphen in the name), with the command line `before`, and more settings."""
        role = name.partition("-")[0]
        if (
            self.is_forked
            and role == "all"
            and not {"HULLMARK_DATABASE_URL", "HULLMARK_DATA"} & {*self.settings, *settings}
        ):
            put_cluster(self.folder / "data" / "postgres")
        process = Process(
            [*before, str(_PROGRAM), "serve", "--role", role],
            {**self.environment(), **settings},
            self.folder / f"{name}.log",
            self.is_forked and not before,
        )
        self.processes[name] = process
        process.start()
        return process

    def migrate(self) -> None:
        """Bring its database into form."""
        ran = self.run("migrate")
        assert ran.returncode == 0, ran.stderr

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
        """Run another of the program's verbs with its settings, and more."""
        environment = {**self.environment(), **settings}
        ran: subprocess.CompletedProcess[bytes] | None = None
        if self.is_forked:
            ran = fork_server.run_beside_servers(fork_server.RunRequest(words, environment, str(self.folder)), 120)
        if ran is None:
            ran = subprocess.run([str(_PROGRAM), *words], env=environment, capture_output=True, timeout=120)
        return ran

    def ready(self, seconds: float = 60.0) -> None:
        """Wait until it answers that all is well."""
        try:
            until(lambda: self.client.ask("GET", "/readyz").status == 200, seconds, "the server", 0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.logs()[-5000:]}") from None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> dict[str, int]:
        """End all processes; their exit statuses."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                if process.alive():
                    os.kill(process.pid, number)
        return {name: process.end(number) for name, process in self.processes.items()}

    def logs(self) -> str:
        """What all processes wrote."""
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self.folder.glob("*.log")))

    def stacks(self) -> str:
        """Where each thread of its forked processes is now: for the words of a failure in which something hangs."""
        sizes = {path: path.stat().st_size for path in sorted(self.folder.glob("*.log"))}
        for pid in processes_of(self.folder):
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().startswith(fork_server.NAMED):
                    os.kill(pid, signal.SIGUSR1)
        time.sleep(1)
        return "".join(path.read_bytes()[size:].decode("utf-8", "replace") for path, size in sizes.items())

    @contextlib.contextmanager
    def explaining(self) -> Iterator[None]:
        """Within it, the words of a failure in which something hangs say what is under way, and what waits for what."""
        try:
            yield
        except AssertionError as error:
            found = [f"{name}: {self._try_rows(question)}" for name, question in _UNDER_WAY.items()]
            raise AssertionError("\n".join((str(error), *found, self.logs()[-5000:], self.stacks()))) from None

    def _try_rows(self, question: str) -> object:
        try:
            return self.rows(question)
        except psycopg.Error as error:
            return error

    @property
    def database_url(self) -> str:
        """Where its database is."""
        given = self.settings.get("HULLMARK_DATABASE_URL")
        socket = self.folder / "data" / "postgres" / "socket"
        return given or f"postgresql://hullmark@/hullmark?host={quote(str(socket), safe='')}&port=5432"

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """The answer to a question in SQL."""
        with psycopg.connect(self.database_url, connect_timeout=20) as connection:
            return connection.execute(question.encode()).fetchall()


@contextlib.contextmanager
def place(prefix: str = "hm-server-") -> Iterator[Path]:
    """A folder that the database's user can pass through; in memory, where there is room, for no machine goes down in these tests."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=memory(), ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextlib.contextmanager
def server(folder: Path, **settings: str) -> Iterator[Server]:
    """A server in a folder, nothing of it started yet. In the end nothing of it runs. `settings` are variables."""
    with _ended(Server(folder, settings)) as made:
        yield made


@contextlib.contextmanager
def forked_server(folder: Path, **settings: str) -> Iterator[Server]:
    """The same, of processes that are forked."""
    with _ended(Server(folder, settings, is_forked=True)) as made:
        yield made


@contextlib.contextmanager
def _ended(made: Server) -> Iterator[Server]:
    try:
        yield made
    finally:
        for process in made.processes.values():
            if process.alive():
                with contextlib.suppress(AssertionError):
                    process.end()
        for pid in processes_of(made.folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def processes_of(folder: Path) -> list[int]:
    """The processes that have their data in a folder: those of `hullmark`, and of PostgreSQL."""
    found = []
    wanted = f"HULLMARK_DATA={folder / 'data'}\0".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                mine = wanted in (entry / "environ").read_bytes() + b"\0"
                if mine or (entry / "cwd").readlink().is_relative_to(folder):
                    found.append(int(entry.name))
    return found


def role_of(pid: int) -> str:
    """What a process of a server is: api, worker, scheduler, all (the supervisor), postmaster or backend."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        if name.startswith(fork_server.NAMED):
            return name.removeprefix(fork_server.NAMED)
        if words[0].startswith(b"postgres:"):
            return "backend"
        if words[0].endswith(b"/postgres"):
            return "postmaster"
        if b"hullmark.server.process.process" in words:
            return words[words.index(b"hullmark.server.process.process") + 1].decode()
        if b"--role" in words:
            return words[words.index(b"--role") + 1].decode()
    return ""


@contextlib.contextmanager
def docker_registry(folder: Path, host: str = "127.0.0.1") -> Iterator[str]:
    """Debian's docker-registry on plain HTTP; HOST:PORT."""
    program = shutil.which("docker-registry")
    assert program is not None, "docker-registry is not installed"
    folder.mkdir()
    port = free_port()
    config = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}, "delete": {"enabled": True}},
        "http": {"addr": f"{host}:{port}", "secret": "x"},
    }
    (folder / "config.yml").write_text(json.dumps(config))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        answering = Client(host, port, wait=5)
        until(lambda: answering.ask("GET", "/v2/").status == 200, 30, "the registry", 0.05)
        yield f"{host}:{port}"
    finally:
        process.terminate()
        process.wait(20)


def push(layout: Path, registry: str, name: str, tag: str = "") -> str:
    """Put the image of an OCI layout into a registry under a name with a tag; the reference."""
    reference = f"{registry}/{name}"
    source = f"oci:{layout}:{tag}" if tag else f"oci:{layout}"
    subprocess.run(
        ["skopeo", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false", source, f"docker://{reference}"],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return reference


@dataclass
class Postgres:
    """A PostgreSQL of Debian's, that can be stopped, killed and started again."""

    programs: Path
    data: Path
    host: str
    port: int
    process: subprocess.Popen[bytes] | None = None

    def url(self, host: str = "") -> str:
        """Where its database is."""
        return f"postgresql://hullmark:{_SECRET}@{host or self.host}:{self.port}/hullmark"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.data.parent / "postgres.log").open("ab") as log:
            self.process = subprocess.Popen(
                _as_postgres(self.programs / "postgres", "-D", self.data), stdout=log, stderr=log, cwd=self.data
            )
        until(self._answers, 60, "PostgreSQL", 0.05)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), dbname="postgres", connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it by a signal, and wait for that."""
        if self.process is not None:
            postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
            with contextlib.suppress(ProcessLookupError):
                os.kill(postmaster, number)
            self.process.wait(60)
            self.process = None


_SECRET = "of-the-database"  # noqa: S105


def _as_postgres(*command: object) -> list[str]:
    words = [str(word) for word in command]
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *words] if os.getuid() == 0 else words


def debian_programs() -> Path | None:
    """Where Debian's PostgreSQL is, the newest; None if it is not installed, or there is no user to run it."""
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return None
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextlib.contextmanager
def debian_postgres(folder: Path, host: str = "127.0.0.1") -> Iterator[Postgres]:
    """Debian's PostgreSQL in a folder, over TCP with a password; with an empty database `hullmark` of a role that is no superuser."""
    programs = debian_programs()
    assert programs is not None, "PostgreSQL is not installed"
    folder.mkdir()
    data = folder / "data"
    secret = folder / "secret"
    secret.write_text(_SECRET)
    for path in (folder, secret):
        shutil.chown(path, "postgres", "postgres")
    made = Postgres(programs, data, host, free_port())
    init = _as_postgres(
        programs / "initdb", "-D", data, "-U", "owner", "--auth=scram-sha-256", "--pwfile", secret, "-E", "UTF8"
    )
    subprocess.run(init, check=True, capture_output=True, timeout=120, cwd=folder)
    with (data / "postgresql.conf").open("a") as conf:
        conf.write(f"listen_addresses = '{host}'\nport = {made.port}\nunix_socket_directories = ''\n")
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 0.0.0.0/0 scram-sha-256\n")
    with (folder / "postgres.log").open("ab") as log:
        made.process = subprocess.Popen(
            _as_postgres(programs / "postgres", "-D", data), stdout=log, stderr=log, cwd=data
        )
    try:
        owner = f"postgresql://owner:{_SECRET}@{host}:{made.port}/postgres"
        until(lambda: _made_database(owner), 60, "PostgreSQL", 0.1)
        yield made
    finally:
        made.stop()


def _made_database(owner: str) -> bool:
    try:
        with psycopg.connect(owner, autocommit=True, connect_timeout=5) as connection:
            connection.execute(f"CREATE ROLE hullmark LOGIN CREATEROLE PASSWORD '{_SECRET}'")
            connection.execute("CREATE DATABASE hullmark OWNER hullmark")
    except psycopg.OperationalError:
        return False
    return True
