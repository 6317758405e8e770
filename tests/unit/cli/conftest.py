"""The command line within the process of the test, and a server that answers from a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.in_process import CommandLine, TableServer, serve_from_table


@pytest.fixture
def hullmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> CommandLine:
    """The program."""
    return CommandLine(tmp_path, monkeypatch, capsysbinary)


@pytest.fixture
def server(hullmark: CommandLine, monkeypatch: pytest.MonkeyPatch) -> TableServer:
    """The server that it asks."""
    return serve_from_table(monkeypatch)
