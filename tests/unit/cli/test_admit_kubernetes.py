"""`hullmark admit kubernetes` and `certificate`: what a cluster's gate needs to begin, what it says of it, and how it ends."""

from __future__ import annotations

import base64
import os
import signal
import ssl
import stat
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import yaml
from cryptography import x509

from hullmark.cli import admit_kubernetes
from hullmark.model.admission import AdmissibleImage, AdmissionPage
from hullmark.model.verdict import Outcome
from hullmark.places.gates import supervision
from hullmark.places.gates.verdicts import LocalVerdicts
from tests.support.gated_docker import judged
from tests.support.images import sha256
from tests.support.in_process import CommandLine, Reply, TableServer

GATE = (
    *("admit", "kubernetes", "--certificate", "tls/tls.crt", "--key", "tls/tls.key", "--listen", "127.0.0.1:0"),
    *("--verdicts", "verdicts.db", "--every", "0.05"),
)
SYNC, NEWS = "GET /admission/verdicts?limit=500", "GET /admission/verdicts?after=7&limit=500"
GOOD = judged(sha256(b"good"), Outcome.GO)
MANIFEST = """\
# kept
webhooks:
  - name: gate
    clientConfig:
      caBundle: old
  - caBundle:
"""


class Workers:
    """In place of the processes that answer: says to end once what is waited for has come."""

    made: list[Workers]
    heard: threading.Event

    def __init__(self, command: Sequence[str], listener: object, count: int, say: Callable[[str], None]) -> None:
        self.command, self.count, self.replaced = command, count, 0
        self.made.append(self)

    def replace_all(self) -> None:
        """Count it."""
        self.replaced += 1

    def run(self, stop: threading.Event) -> None:
        """As the real one, until told to end, after being told once to begin anew."""
        assert self.heard.wait(10)
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(10)


@pytest.fixture
def workers(hullmark: CommandLine, monkeypatch: pytest.MonkeyPatch) -> type[Workers]:
    """The gate's processes, and the certificate that they need."""
    found = type("FreshWorkers", (Workers,), {"made": [], "heard": threading.Event()})
    monkeypatch.setattr(supervision, "Supervisor", found)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")  # the gate sets it; put back at the end
    assert hullmark("admit", "certificate", "--into", "tls", "--host", "localhost").status == 0
    return found


def when(heard: threading.Event, reply: Any) -> Callable[[], Any]:
    """An answer that is noted."""

    def answer() -> Any:
        heard.set()
        return reply

    return answer


def page(*images: AdmissibleImage) -> Any:
    """Verdicts, as the server hands them out; without any there is no news."""
    return msgspec.to_builtins(AdmissionPage(images=images, cursor="7", is_last=True, begins=bool(images)))


def test_a_gate_keeps_up_with_the_server_until_it_is_told_to_end(
    hullmark: CommandLine, server: TableServer, workers: type[Workers]
) -> None:
    """Told to begin anew it replaces its workers. Where no cluster is watched none is asked."""
    server.answers = {SYNC: when(workers.heard, page(GOOD)), NEWS: page()}
    ran = hullmark(*GATE, "--workers", "3", "--grandfather", "none")
    assert (ran.status, ran.err) == (0, "")
    (made,) = workers.made
    assert (made.count, made.replaced) == (3, 1)
    assert LocalVerdicts(hullmark.place / "verdicts.db", is_read_only=True).count() == 1
    assert all("/admission/" in words for words, _ in server.asked)


def test_a_cluster_that_lets_nobody_watch_is_said_and_the_gate_answers_without_grace(
    hullmark: CommandLine, server: TableServer, workers: type[Workers], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def tell(line: str) -> None:
        said.append(line)
        workers.heard.set()

    monkeypatch.setattr(admit_kubernetes, "tell", tell)
    cluster = {"name": "c", "cluster": {"server": "https://cluster.example"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "gate"}}
    user = {"name": "gate", "user": {"token": "t0ken"}}
    config = {"clusters": [cluster], "contexts": [context], "users": [user], "current-context": "c"}
    (hullmark.place / "kubeconfig").write_text(yaml.safe_dump(config))
    server.answers = {SYNC: page(GOOD), NEWS: page()}
    server.otherwise = Reply(403, {"kind": "Status", "message": "pods is forbidden"})
    assert hullmark(*GATE, "--kubeconfig", "kubeconfig").status == 0
    assert said == ["what runs cannot be watched, so no image has grace: pods is forbidden"]


@pytest.mark.parametrize("text", ["0", "65", "two", "٢", "0065", "00640"])
def test_how_many_processes_answer_is_a_number_to_64(hullmark: CommandLine, text: str) -> None:
    what, _ = hullmark("admit", "kubernetes", "--workers", text).refusal
    assert what == f"argument --workers: {text!r} is not a number of processes, from 1 to 64"


def test_a_certificate_is_trusted_by_its_authority_and_its_key_is_its_owners(hullmark: CommandLine) -> None:
    """What is there is replaced, whatever a run before left."""
    folder = hullmark.place / "deep" / "tls"
    folder.mkdir(parents=True)
    (folder / ".tls.key.new").write_text("left behind")
    for _ in range(2):
        ran = hullmark("admit", "certificate", "--into", folder, "--host", "localhost", "--host", "127.0.0.1")
        assert (ran.status, ran.out, ran.err) == (0, b"", "")
    assert sorted(path.name for path in folder.iterdir()) == ["ca.crt", "tls.crt", "tls.key"]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert (modes["tls.key"], modes["tls.crt"] & 0o044) == (0o600, 0o044)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    asking = ssl.create_default_context(cafile=folder / "ca.crt")
    shake_hands(asking, serving, "hullmark-gate.hullmark.svc")


def shake_hands(asking: ssl.SSLContext, serving: ssl.SSLContext, name: str) -> None:
    """A handshake in memory. Raises SSLError where the certificate is not believed."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = asking.wrap_bio(back, there, server_hostname=name), serving.wrap_bio(there, back, server_side=True)
    for end in (*ends, *ends, *ends):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert ends[0].getpeercert()


def test_a_certificate_is_good_for_as_many_days_as_it_is_to_be(hullmark: CommandLine) -> None:
    assert hullmark("admit", "certificate", "--into", "tls", "--days", "30").status == 0
    found = x509.load_pem_x509_certificate((hullmark.place / "tls" / "tls.crt").read_bytes())
    left = found.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)


def test_a_secret_holds_the_authority_that_manifests_are_patched_with(hullmark: CommandLine) -> None:
    """Comments and all else of a manifest stay; several are patched."""
    for name in ("one.yaml", "two.yaml"):
        (hullmark.place / name).write_text(MANIFEST)
    ran = hullmark("admit", "certificate", "--as-secret", "gate-tls", "--patch", "one.yaml", "--patch", "two.yaml")
    secret = yaml.safe_load(ran.out)
    assert (secret["kind"], secret["metadata"]) == ("Secret", {"name": "gate-tls", "namespace": "hullmark"})
    assert base64.b64decode(secret["data"]["tls.key"]).startswith(b"-----BEGIN")
    bundle = secret["data"]["ca.crt"]
    patched = MANIFEST.replace("caBundle: old", f"caBundle: {bundle}").replace("caBundle:\n", f"caBundle: {bundle}\n")
    assert [(hullmark.place / name).read_text() for name in ("one.yaml", "two.yaml")] == [patched, patched]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--into", "file/tls"), ("cannot write file/tls: Not a directory", "check the path")),
        (
            ("--into", "tls", "--patch", "gone.yaml"),
            ("cannot write gone.yaml: No such file or directory", "check the path"),
        ),
        (("--into", "tls", "--patch", "latin.yaml"), ("latin.yaml is not text", "it must be UTF-8")),
        (
            ("--into", "tls", "--patch", "file"),
            ("file has no caBundle", "name a manifest of webhook configurations, as deploy/kubernetes/gate.yaml"),
        ),
    ],
)
def test_what_cannot_be_patched_or_written_is_said(
    hullmark: CommandLine, words: tuple[str, ...], said: tuple[str, str]
) -> None:
    """No certificate is written then."""
    (hullmark.place / "file").write_text("")
    (hullmark.place / "latin.yaml").write_bytes(b"# gem\xe4\xdf\ncaBundle: old\n")
    assert hullmark("admit", "certificate", *words).refusal == said
    assert not (hullmark.place / "tls").exists()


def test_manifests_stay_as_they_were_where_one_of_them_cannot_be_patched(hullmark: CommandLine) -> None:
    """Else a webhook would be trusted by an authority whose key nobody has."""
    (hullmark.place / "one.yaml").write_text(MANIFEST)
    (hullmark.place / "two.yaml").write_text("nothing")
    for words in (("--into", "tls", "--patch", "two.yaml"), ("--into", "two.yaml/tls")):
        ran = hullmark("admit", "certificate", "--patch", "one.yaml", *words)
        assert (ran.status, (hullmark.place / "one.yaml").read_text()) == (2, MANIFEST)


@pytest.mark.parametrize("text", ["0", "3651", "a year", "-1", "٣", "0003651", "9" * 5000])
def test_how_long_a_certificate_is_good_is_a_number_of_days(hullmark: CommandLine, text: str) -> None:
    what, _ = hullmark("admit", "certificate", "--into", "tls", "--days", text).refusal
    assert what == f"argument --days: {text!r} is not a number of days, up to 3650"
    assert not (hullmark.place / "tls").exists()
