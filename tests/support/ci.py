"""A small runner of CI files: the steps of GitHub's composite actions, GitLab's scripts and the shell blocks of a Jenkinsfile."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

_INPUT = re.compile(r"\$\{\{ inputs\.([a-z]+) \}\}")
_CONDITION = re.compile(r"\$\{\{ inputs\.([a-z]+) (==|!=) '([^']*)' \}\}").fullmatch
_STAGE = re.compile(r"stage\('([^']+)'\).*?sh '''(.*?)'''", re.DOTALL)


@dataclass(frozen=True)
class Job:
    """What a job has: its variables, and the folder that it runs in."""

    folder: Path
    variables: Mapping[str, str]

    def shell(self, script: str, more: Mapping[str, str] = {}, *, shell: str = "bash") -> int:
        """Run a script as runners do, which end at the first command that fails; its exit status."""
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        home = {"HOME": str(self.folder), "PATH": path, "LC_ALL": "C.UTF-8"}
        options = ["-e", "-o", "pipefail"] if shell == "bash" else ["-e"]
        done = subprocess.run(
            [shell, *options, "-c", script],
            env={**home, **self.variables, **more},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
        sys.stdout.write(done.stdout + done.stderr)
        return done.returncode


def run_action(file: Path, inputs: Mapping[str, str], job: Job) -> int:
    """Run a composite action; the exit status of the first step that fails, or 0."""
    action = yaml.safe_load(file.read_text("utf-8"))
    given = {name: one.get("default", "") for name, one in action["inputs"].items()} | dict(inputs)
    for step in action["runs"]["steps"]:
        assert "${{" not in step["run"], "an input inside a script could be code"
        if _applies(step.get("if", ""), given):
            values = {k: _INPUT.sub(lambda found: given[found[1]], v) for k, v in step.get("env", {}).items()}
            if status := job.shell(step["run"], values, shell=step["shell"]):
                return status
    return 0


def run_gitlab(file: Path, name: str, job: Job) -> int:
    """Run a job of a GitLab file with these variables: its scripts are one shell's."""
    wanted = yaml.safe_load(file.read_text("utf-8"))[name]
    script = "\n".join([*wanted["before_script"], *wanted["script"]])
    return job.shell(script, {k: v for k, v in wanted["variables"].items() if k not in job.variables})


def run_jenkins(file: Path, stage: str, job: Job) -> int:
    """Run the shell block of a stage, by the shell that Jenkins takes."""
    return job.shell(dict(_STAGE.findall(file.read_text("utf-8")))[stage], shell="sh")  # noqa: S604 - the name of one


def _applies(condition: str, given: Mapping[str, str]) -> bool:
    if not condition:
        return True
    found = _CONDITION(condition)
    assert found is not None, condition
    return (given[found[1]] == found[3]) is (found[2] == "==")


@dataclass
class Platform:
    """A CI platform that hands out a token, and a Hullmark server that takes it; what it says of images by name."""

    verdicts: dict[str, str]
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, path: str, body: Any, authorization: str) -> tuple[int, Any]:
        """What a request gets."""
        self.asked.append((method, path, body))
        if path.startswith("/token?"):
            return (200, {"value": "of-the-platform"}) if authorization == "Bearer of-the-job" else (401, {})
        if path == "/api/v1/tokens/exchange":
            known = body == {"subject_token": "of-the-platform", "account": "shop"}
            return (200, {"access_token": "ours", "token_type": "Bearer", "expires_in": 900}) if known else (401, {})
        if authorization != "Bearer ours":
            return 401, {"title": "nobody is signed in"}
        digests = {name: f"sha256:{index:064x}" for index, name in enumerate(sorted(self.verdicts))}
        if path == "/api/v1/whoami":
            return 200, {
                "name": "federated:x",
                "account": "shop",
                "role": "ci",
                "is_operator": False,
                "permissions": [],
            }
        if path == "/api/v1/images":
            return 202, {"digest": digests[body["reference"]], "state": "analysed", "is_new": True, "tag": ""}
        for name, digest in digests.items():
            if path == f"/api/v1/references/{name}":
                return 200, {"digest": digest}
            image = {
                "digest": digest,
                "state": "analysed",
                "reason": "",
                "advice": "",
                "reference": name,
                "tags": [],
                "distro": "",
                "package_count": 0,
            }
            if path == f"/api/v1/images/{digest}":
                return 200, image
            if path.startswith(f"/api/v1/verdicts/{digest}"):
                verdict = {
                    "policy": "production",
                    "verdict": self.verdicts[name],
                    "reason": "so it is",
                    "image": digest,
                }
                return 200, [verdict]
        return 404, {"title": f"nothing at {path}"}


@contextmanager
def platform(verdicts: dict[str, str]) -> Iterator[Platform]:
    """A platform and a server that answer over HTTP."""
    here = Platform(verdicts)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(raw) if raw else None
            status, document = here.answer(
                self.command, unquote(self.path), body, self.headers.get("Authorization", "")
            )
            sent = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = _answer  # noqa: N815 - as http.server calls them

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    here.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
