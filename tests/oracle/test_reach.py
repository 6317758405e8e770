"""What the walk says of real images: their own loader, and their own programs as they run, are the judges."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.unpack import unpacked
from hullmark.app.minimize import emit, minimality_of
from hullmark.facets.configuration.facet import FACET as CONFIGURATION
from hullmark.reach.analysis import ReachRequest, WalkResult, walk
from hullmark.reach.reads import REACH_READS, reach_facts
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.take import take
from hullmark.source import SourceOptions
from tests.support.places import corpus

PORT = 8080
_OPENED = re.compile(r'(?:open|openat|execve)\((?:AT_FDCWD, |\d+, )?"(/[^"]+)"[^=]*= (?!-1)').search
ASK = f"""
import time, urllib.request
for _ in range(100):
    try:
        answer = urllib.request.urlopen("http://127.0.0.1:{PORT}/", timeout=5)
        print(answer.status)
        break
    except OSError:
        time.sleep(0.1)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0
        or any(shutil.which(tool) is None for tool in ("unshare", "chroot", "umoci", "mount", "ip", "strace")),
        reason="root with unshare, chroot, umoci, mount, ip and strace is needed",
    ),
]


@functools.cache
def walked(image: str) -> WalkResult:
    """What the walk finds in an image of the corpus."""
    request = ScanRequest(files=True, relations=True, reads=REACH_READS, facets=(CONFIGURATION,))
    scanned = take(f"oci-dir:{corpus('oci', image)}", request, ScanResources(), SourceOptions())
    settings = scanned.facets[CONFIGURATION.name].settings
    return walk(scanned.inventory, reach_facts(scanned.found, settings, scanned.inventory.config))


def in_namespace(root: Path, script: str) -> str:
    """What a script prints that runs as root in namespaces of its own, with `$ROOT` as the image's files; strace writes to `log`."""
    whole = f"""
    set -e
    mkdir -p $ROOT/dev $ROOT/proc
    mount --bind /dev $ROOT/dev
    mount -t proc proc $ROOT/proc
    ip link set lo up
    {script}
    """
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", textwrap.dedent(whole)]
    environment = {"PATH": os.environ["PATH"], "ROOT": str(root), "LANG": "C.UTF-8"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def unforeseen(image: str, log: Path, begins: str) -> tuple[list[str], set[str]]:
    """The files of the image that a run opened and that are unreachable, and all that it opened."""
    scene = walked(image).scene
    lines = log.read_text(errors="replace").splitlines()
    start = next(i for i, line in enumerate(lines) if begins in line and "= 0" in line)
    opened = {scene.tree.find(found[1]).real for line in lines[start:] if (found := _OPENED(line)) is not None}
    files = {path for path in opened if (record := scene.tree.files.get(path)) is not None and record.type == "file"}
    return sorted(files - scene.walk.found.keys()), files


@pytest.fixture(scope="module")
def nginx() -> Iterator[Path]:
    layout = corpus("oci", "nginx")
    with unpacked(layout) as root:
        yield root


def test_the_images_own_loader_finds_the_same_libraries(nginx: Path) -> None:
    scene = walked("nginx").scene
    programs = [path for path, facts in scene.facts.elves.items() if facts.interpreter and facts.needed][:200]
    (nginx / "list").write_text("".join(f"{path}\n" for path in programs))
    said = in_namespace(
        nginx,
        "chroot $ROOT /bin/sh -c 'while read -r p; do echo \"= $p\"; /lib64/ld-linux-x86-64.so.2 --list $p; done < /list'",
    )
    path = ""
    compared = 0
    for line in said.splitlines():
        if line.startswith("= "):
            path = line[2:]
        elif (found := re.match(r"\s+(\S+) => (/\S+) ", line)) is not None:
            facts = scene.facts.elves[scene.tree.find(path).real]
            if found[1] in facts.needed:
                ours = {scene.tree.find(place).real for place in scene.loader.find(found[1], path)}
                assert scene.tree.find(found[2]).real in ours, line
                compared += 1
    assert compared > 300


def test_every_file_that_nginx_opens_is_reached_or_unknown(nginx: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    in_namespace(
        nginx,
        f"""
        strace -f -o {log} -e trace=open,openat,execve chroot $ROOT /usr/sbin/nginx -g 'daemon off;' &
        python3 -c '{ASK}'
        """,
    )
    missed, opened = unforeseen("nginx", log, 'execve("/usr/sbin/nginx"')
    assert len(opened) >= 15
    assert missed == []


FLASK = f"""
import flask, socket, threading
from werkzeug.serving import make_server
app = flask.Flask("shop")
app.add_url_rule("/", "page", lambda: flask.render_template_string("<b>{{{{ 1 }}}}</b>"))
server = make_server("127.0.0.1", {PORT}, app)
threading.Thread(target=server.serve_forever, daemon=True).start()
with socket.create_connection(("127.0.0.1", {PORT})) as asked:  # the image's program imports no urllib.request
    asked.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    assert asked.makefile("rb").read().endswith(b"<b>1</b>")
server.shutdown()
"""


def test_every_file_that_flask_opens_is_reached_or_unknown(tmp_path: Path) -> None:
    """The image's program imports Flask; here it also serves a page."""
    log = tmp_path / "log"
    with unpacked(corpus("oci", "python-app")) as root:
        (root / "app" / "page.py").write_text(FLASK)
        python = "env -i LANG=C.UTF-8 PATH=/opt/venv/bin:/usr/bin:/bin /opt/venv/bin/python3 /app/page.py"
        in_namespace(root, f"strace -f -o {log} -e trace=open,openat,execve chroot $ROOT {python}")
    missed, opened = unforeseen("python-app", log, 'execve("/opt/venv/bin/python3"')
    assert len(opened) > 200
    assert missed == []


def test_what_is_left_of_nginx_serves_a_page(tmp_path: Path) -> None:
    source, options = f"oci-dir:{corpus('oci', 'nginx')}", SourceOptions()
    found, files = minimality_of(source, ReachRequest(why=("mount",)), None, "2026-11-30", ScanResources(), options)
    assert found.answers[0].reach == "unreachable"
    assert found.counts["reachable"].packages < 20
    emit(source, found, files, str(tmp_path / "left"), options)
    [layer] = [
        body for body in (tmp_path / "left" / "blobs" / "sha256").iterdir() if body.read_bytes()[:2] == b"\x1f\x8b"
    ]
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["tar", "-C", root, "-xpzf", layer], check=True, timeout=60)
    assert not (root / "bin" / "sh").exists()
    said = in_namespace(root, f"chroot $ROOT /usr/sbin/nginx -g 'daemon off;' & python3 -c '{ASK}'")
    assert said.strip().endswith("200")
