"""The daemon's answers, and its silence, death and lies."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hullmark.facets.malware.scanner import Hit, Scan
from hullmark.model.errors import HullmarkError
from hullmark.scanning import clamd
from hullmark.scanning.clamd import ClamdScanner
from tests.support.clamav import EICAR, FakeClamd, fake_clamd

GOOD, FOUND = Scan(), Scan((Hit("Test.Eicar"),))


@contextmanager
def scanner(folder: Path, fake: FakeClamd) -> Iterator[ClamdScanner]:
    with fake_clamd(folder, fake):
        yield ClamdScanner(fake.address)


def scan(daemon: ClamdScanner, body: bytes) -> Scan:
    return daemon.scan(memoryview(body))


def test_files_are_found_or_good(tmp_path: Path) -> None:
    fake = FakeClamd()
    with scanner(tmp_path, fake) as daemon:
        fake.files.clear()
        assert [scan(daemon, body) for body in (b"good", EICAR, b"good")] == [GOOD, FOUND, GOOD]
        assert daemon.settle() == {}
    assert fake.files == [b"good", EICAR, b"good"]


def test_a_large_file_goes_over_in_pieces(tmp_path: Path) -> None:
    fake = FakeClamd()
    body = bytes(range(256)) * 4096 + EICAR
    with scanner(tmp_path, fake) as daemon:
        stream = daemon.stream(len(body))
        for at in range(0, len(body), 300_000):
            stream.write(memoryview(body)[at : at + 300_000])
        assert stream.finish() == FOUND
    assert fake.files[-1] == body


@pytest.mark.parametrize(
    ("answer", "caveat"),
    [
        (b"stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND", ""),
        (b"stream: OK", "it is not set to tell which files are beyond its limits (AlertExceedsMax)"),
    ],
)
def test_the_engine_is_told_and_whether_it_tells_its_limits(answer: bytes, caveat: str, tmp_path: Path) -> None:
    with scanner(tmp_path, FakeClamd(answer=answer)) as daemon:
        assert (daemon.engine.name, daemon.engine.version, daemon.engine.signatures) == ("clamav", "1.4.2", "27500")
        assert daemon.engine.signatures_at == datetime(2025, 1, 7, 9, tzinfo=UTC)
        assert daemon.engine.caveat == caveat


def test_a_daemon_that_dies_half_way_says_nothing_of_the_rest(tmp_path: Path) -> None:
    fake = FakeClamd(dies_after=3)  # the first file is the scanner's own
    with scanner(tmp_path, fake) as daemon:
        answers = [scan(daemon, body) for body in (EICAR, b"good", EICAR, b"good", EICAR)]
        met = fake.connections
        assert answers[:2] == [FOUND, GOOD]
        for answer in answers[2:]:
            assert answer.hits == ()
            assert answer.failed.startswith("clamd does not answer any more (")
            assert answer.is_passing
        scan(daemon, EICAR)
        assert fake.connections == met  # nothing is sent to the dead


def test_a_daemon_whose_socket_is_gone_says_nothing_of_the_rest(tmp_path: Path) -> None:
    with scanner(tmp_path, FakeClamd()) as daemon:
        pass
    assert scan(daemon, EICAR) == Scan(
        failed="clamd does not answer any more (No such file or directory)", is_passing=True
    )


def test_a_connection_that_breaks_off_costs_one_file(tmp_path: Path) -> None:
    fake = FakeClamd()
    with scanner(tmp_path, fake) as daemon:
        fake.breaks_off = True
        answer = scan(daemon, EICAR)
        assert answer == Scan(failed="clamd broke off (the answer was cut short)", is_passing=True)
        fake.breaks_off = False
        assert scan(daemon, EICAR) == FOUND


@pytest.mark.parametrize("size", [200, 5 << 20])
def test_a_file_beyond_the_daemon_s_limit_is_not_scanned_and_the_next_one_is(size: int, tmp_path: Path) -> None:
    fake = FakeClamd()
    with scanner(tmp_path, fake) as daemon:
        fake.size_limit = 100
        assert scan(daemon, bytes(size)) == Scan(
            failed="it is larger than what clamd takes (StreamMaxLength)", is_passing=True
        )
        assert scan(daemon, EICAR) == FOUND


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (b"\xff\xfe garbage", "ClamAV says '\ufffd\ufffd garbage'"),
        (b"", "ClamAV says ''"),
        (b"it is not OK", "ClamAV says 'it is not OK'"),
        (b"x" * 200_000, "clamd broke off (the answer was cut short)"),
    ],
)
def test_garbage_is_no_good_word(answer: bytes, failed: str, tmp_path: Path) -> None:
    fake = FakeClamd()
    with scanner(tmp_path, fake) as daemon:
        fake.answer = answer or b" "
        assert scan(daemon, EICAR) == Scan(failed=failed, is_passing=True)


def test_a_daemon_that_is_silent_too_often_is_not_asked_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeClamd()
    with scanner(tmp_path, fake) as daemon:
        monkeypatch.setattr(clamd, "TIMEOUT_SECONDS", 0.05)
        fake.is_silent = True
        for _ in range(clamd.MAX_TIMEOUTS):
            assert scan(daemon, EICAR) == Scan(failed="clamd did not answer in time", is_passing=True)
        met = fake.connections
        assert scan(daemon, EICAR) == Scan(
            failed="clamd did not answer in time for 3 files, and was not asked any more", is_passing=True
        )
        assert fake.connections == met


def test_tcp_is_spoken_too(tmp_path: Path) -> None:
    with fake_clamd(tmp_path, FakeClamd(), is_tcp=True) as fake:
        daemon = ClamdScanner(fake.address)
        assert [scan(daemon, body) for body in (EICAR, b"good")] == [FOUND, GOOD]


def test_a_port_that_nobody_listens_at_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(HullmarkError, match="cannot be reached: Connection refused"):
        ClamdScanner(f"tcp://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "address",
    ["", "clamd", "unix:/run/x", "tcp://host", "tcp://host:", "tcp://host:http", "tcp://host:99999", "http://host:80"],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(HullmarkError) as error:
        ClamdScanner(address)
    assert str(error.value).endswith("an address is written as unix:///PATH or tcp://HOST:PORT")
    assert error.value.advice == "check --clamd"


@pytest.mark.parametrize("path", ["/nowhere/clamd.sock", "/etc", "/a\0b", "/" + "x" * 300])
def test_a_socket_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(HullmarkError, match="cannot be reached"):
        ClamdScanner(f"unix://{path}")


@pytest.mark.parametrize("version", [b"SSH-2.0", b"", b"x" * 100_000])
def test_something_else_that_answers_is_refused(version: bytes, tmp_path: Path) -> None:
    with pytest.raises(HullmarkError), scanner(tmp_path, FakeClamd(version=version)):
        pass
