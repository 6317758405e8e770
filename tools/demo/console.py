"""How to look at the image of the demonstration in the console: the commands to type, and the link. Nothing is started."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from urllib.parse import quote

SERVER = "http://127.0.0.1:8228"
_DATA = "var/demo/server"
_NAME = "demo.example/shop:1"
_POLICY, _POLICY_NAME = "examples/policy.yaml", re.compile(r"^name: *(\S+)", re.MULTILINE)
_ARCHIVES = ("docker-archive:", "oci-archive:")
_ELSEWHERE = ("docker:", "podman:", "dir:", "sbom:")

_WORDS = """
And in a browser: the console (`hullmark` is .venv/bin/hullmark here)
  hullmark serve --data {data}
      runs the server, until Ctrl-C; the first person is admin
  export HULLMARK_SERVER={server} HULLMARK_USER=admin HULLMARK_PASSWORD="$(cat {data}/admin.password)"
      in another terminal, in this folder: who asks
  hullmark policy add {policy} && hullmark policy activate {policy_name}
      the policy that it is judged by
  {add}
      the image itself
  {link}
      where to look; sign in as admin, with the password in {data}/admin.password
"""


def words(root: Path, reference: str) -> str:
    """The commands for the image of this reference, as a person types them in the folder `root`."""
    found = _POLICY_NAME.search((root / _POLICY).read_text("utf-8"))
    return _WORDS.format(
        data=_DATA,
        server=SERVER,
        policy=_POLICY,
        policy_name=found[1] if found else "NAME",
        add=_adding(reference),
        link=_link(root, reference),
    )


def _adding(reference: str) -> str:
    """How the image comes onto the server: a layout as an archive, an archive as it is, else from its registry."""
    scheme, _, rest = reference.partition(":")
    if scheme == "oci-dir":
        archive = f"{rest}.tar"
        made = f"tar -C {shlex.quote(rest)} -cf {shlex.quote(archive)} ."
        return f"{made} && hullmark image upload {shlex.quote(archive)} --reference {_NAME} --wait"
    if reference.startswith(_ARCHIVES) or Path(reference).is_file():
        file = rest if reference.startswith(_ARCHIVES) else reference
        return f"hullmark image upload {shlex.quote(file)} --reference {_NAME} --wait"
    if reference.startswith(_ELSEWHERE):
        return "hullmark image add IMAGE --wait, with an image in a registry: a server cannot read this machine's"
    return f"hullmark image add {shlex.quote(reference.removeprefix('registry:'))} --wait"


def _link(root: Path, reference: str) -> str:
    """The image's page; where its digest is not known here, the list that it heads."""
    scheme, _, rest = reference.partition(":")
    index = root / rest / "index.json"
    if scheme != "oci-dir" or not index.is_file():
        return f"{SERVER}/console/admin/images"
    manifests = json.loads(index.read_text("utf-8"))["manifests"]
    return f"{SERVER}/console/admin/images/{quote(manifests[0]['digest'], safe=':')}"
