"""From collectors to a server: the options of verbs that report what runs, and how they work until they are stopped."""

from __future__ import annotations

import argparse
import os
import re
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from hullmark.cli.server_options import add_server_options
from hullmark.cli.signals import stop_on_signals

if TYPE_CHECKING:
    from hullmark.app.agent import Agent
    from hullmark.cli.settings import Settings
    from hullmark.net.api_client import ApiClient
    from hullmark.places.runtime.collector import Collector

_LARGEST_KEY = 1 << 16
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]")


def add_reporting_options(parser: argparse.ArgumentParser) -> None:
    """Which server, with which key, and where reports wait for it."""
    parser.add_argument(
        "--state",
        metavar="DIR",
        help="where reports are kept until the server has them (default: STATE_DIRECTORY as systemd sets it, "
        "else ~/.local/state/hullmark)",
    )
    parser.add_argument("--key-file", metavar="FILE", help="a file with the API key (default: HULLMARK_API_KEY)")
    add_server_options(parser, with_trust=True)


def report(
    collectors: Sequence[Collector], arguments: argparse.Namespace, settings: Settings, *, once: bool = False
) -> int:
    """Send what collectors say to the server, until a signal says to end; with `once` what runs now. Raises HullmarkError."""
    import gc

    from hullmark.app.agent import run

    stop = threading.Event()
    agents = _agents(collectors, arguments, settings, stop)
    if once:
        for agent in agents:
            with closing(agent.spool):
                agent.report()
            _say(f"{agent.spool.platform} on {agent.spool.collector}: reported")
        return 0
    gc.enable()  # an agent lives long
    with stop_on_signals(stop):
        names = ", ".join(f"{agent.spool.platform} on {agent.spool.collector}" for agent in agents)
        _say(f"reporting what runs: {names}")
        run(agents, stop)
    return 0


def _agents(
    collectors: Sequence[Collector], arguments: argparse.Namespace, settings: Settings, stop: threading.Event
) -> list[Agent]:
    from datetime import UTC, datetime

    from hullmark.app.agent import Agent, sender_for
    from hullmark.app.spool import Spool

    sender = sender_for(api_for(arguments, settings), stop)
    state = _state_folder(arguments, settings)
    agents = []
    for collector in collectors:
        folder = state / "reports" / _NO_NAME.sub("_", f"{collector.platform}-{collector.name}")
        spool = Spool(folder, collector.platform, collector.name, lambda: datetime.now(UTC))
        agents.append(Agent(collector, spool, sender, _say))
    return agents


def api_for(arguments: argparse.Namespace, settings: Settings) -> ApiClient:
    """The server's client, by the key in --key-file, or as every other verb signs in. Raises HullmarkError."""
    from hullmark.cli.remote.connection import connect, http_settings
    from hullmark.model.errors import HullmarkError
    from hullmark.net.api_client import ApiClient, ApiLogin, server_url

    if not arguments.key_file:
        return connect(arguments, settings)
    if not settings.server():
        raise HullmarkError("which server?", advice="name it by --server URL or HULLMARK_SERVER")
    url = server_url(settings.server(), insecure=bool(settings.get("insecure")))
    login = ApiLogin(key=_key_in(Path(arguments.key_file)), account=settings.get("account") or "")
    return ApiClient(url, login, http_settings(settings))


def _key_in(file: Path) -> str:
    from hullmark.model.errors import HullmarkError

    try:
        with file.open("rb") as opened:
            key = opened.read(_LARGEST_KEY).decode("ascii", "replace").strip()
    except OSError as error:
        raise HullmarkError(f"cannot read the key in {file}: {error.strerror}", advice="check the path") from error
    if not key:
        raise HullmarkError(f"there is no key in {file}", advice="write one there: hullmark key add shows it")
    return key


def _state_folder(arguments: argparse.Namespace, settings: Settings) -> Path:
    """Where reports wait, as chosen, as systemd says (systemd.exec, StateDirectory=), or as the XDG specification has it."""
    environment = settings.environment
    if chosen := arguments.state or environment.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(chosen)
    base = environment.get("XDG_STATE_HOME") or str(Path(environment.get("HOME") or "/") / ".local" / "state")
    return Path(base) / "hullmark"


def _say(line: str) -> None:
    """A line for the journal. It may hold words of engines, so control characters are written out."""
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    sys.stderr.write(f"hullmark: {safe}\n".encode("utf-8", "backslashreplace").decode())
    sys.stderr.flush()


def host_name() -> str:
    """This machine's name, as places on it are called."""
    return os.uname().nodename
