"""The clients: what is asked of each service, and the answers without what differs from run to run."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psycopg

_WAIT = 90
_PLAIN = ("content-type", "content-encoding", "location", "allow", "vary", "www-authenticate")


def wait_for(port: int) -> None:
    """Wait until somebody listens. Ends the program where nobody does."""
    for _ in range(_WAIT * 10):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"nobody listens on port {port}")


def http_answers(port: int, *requests: str) -> list[str]:
    """Status, some headers and the digest of the body of each answer; a request is `METHOD PATH`, with a body after a blank."""
    answers = []
    for request in requests:
        method, path, body = (*request.split(" ", 2), "")[:3]
        for accepted in ("identity", "gzip"):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_WAIT)
            headers = {"Accept-Encoding": accepted, "Content-Type": "application/x-www-form-urlencoded"}
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
            told = [f"{name}: {answer.headers[name]}" for name in _PLAIN if answer.headers[name]]
            is_packed = answer.headers["content-encoding"] == "gzip"
            digest = len(content) > 0 if is_packed else hashlib.sha256(content).hexdigest()[:16]
            answers.append(f"{request} ({accepted}): {answer.status} {'; '.join(told)} {digest}")
            connection.close()
    return answers


def redis_answers(port: int, *commands: str) -> list[str]:
    """What Redis answers to each command, as it writes it."""
    answers = []
    with socket.create_connection(("127.0.0.1", port), _WAIT) as connection, connection.makefile("rb") as stream:
        for command in commands:
            words = command.split("|")
            request = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
            connection.sendall(request.encode())
            line = stream.readline()
            if line.startswith(b"$") and line != b"$-1\r\n":
                line += stream.read(int(line[1:]) + 2)
            answers.append(f"{command}: {line.decode()!r}")
    return answers


def postgres_answers(port: int, *statements: str) -> list[str]:
    """The rows of each statement, or the error."""
    answers = []
    where = f"host=127.0.0.1 port={port} user=shop password=shop dbname=shop"
    connection = None
    for _ in range(_WAIT * 5):
        with suppress(psycopg.OperationalError):
            connection = psycopg.connect(where, autocommit=True)
            break
        time.sleep(0.2)
    if connection is None:
        return ["it takes no connection"]
    with connection:
        for statement in statements:
            try:
                cursor = connection.execute(statement.encode())
                answers.append(f"{statement}: {cursor.fetchall() if cursor.description else cursor.statusmessage}")
            except psycopg.Error as error:
                answers.append(f"{statement}: {str(error).splitlines()[0]}")
    return answers


def client_answers(root: Path, command: Sequence[str], *inputs: str) -> list[str]:
    """What a client that lies in the image as it was made prints for each input."""
    answers = []
    for text in inputs:
        done = subprocess.run(
            ["chroot", str(root), *command], input=text, capture_output=True, text=True, check=False, timeout=_WAIT
        )
        answers.append(f"{text}: {done.returncode} {done.stdout!r} {done.stderr!r}")
    return answers


def ssh_answers(root: Path, port: int, user: str, *commands: str) -> list[str]:
    """What each command prints that runs over ssh; `sftp …` is sent over sftp."""
    key = root.parent / "key"
    shutil.copyfile(root / "home" / user / ".ssh" / "key", key)
    key.chmod(0o600)
    options = ["-i", str(key), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-q"]
    answers = []
    for command in commands:
        if command.startswith("sftp "):
            program, stdin = ["sftp", *options, "-b", "-", "-P", str(port), f"{user}@127.0.0.1"], command[5:]
        else:
            program, stdin = ["ssh", *options, "-p", str(port), f"{user}@127.0.0.1", command], ""
        done = subprocess.run(program, input=stdin, capture_output=True, text=True, check=False, timeout=_WAIT)
        answers.append(f"{command}: {done.returncode} {done.stdout!r}")
    return answers
