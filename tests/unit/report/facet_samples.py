"""Results of facets to write: settings, secrets, malware, and an inventory with all that policies ask for."""

from __future__ import annotations

from datetime import UTC, datetime

from hullmark.model.certificate import KeyFile, PrivateKey
from hullmark.model.configuration import Configuration, ImageConfiguration
from hullmark.model.image import ImageConfig
from hullmark.model.malware import Engine, ImageMalware, Infection, MalwareScan, UnscannedFile
from hullmark.model.policy_facts import KnownImage, PolicyFacts
from hullmark.model.problem import Problem
from hullmark.model.secret import ImageSecrets, Secret
from hullmark.model.setting import Setting
from tests.unit.report.samples import INVENTORIES

_EMPTY, _ODD = INVENTORIES["empty"], INVENTORIES["odd"]
_PROBLEM = Problem("/etc/odd.conf", 1, "configuration", "line 3: \x1b[2J is no directive")

_SETTINGS = (
    Setting(key="apt.source[0].uris", value=("http://a.example", "http://b.example"), path="/etc/apt/a.sources", line=2, layer=0),
    Setting(key="nginx.http.gzip", value=True, path="/etc/nginx/nginx.conf", line=41, layer=1),
    Setting(key="odd.\x1b[2J", value="\x07", path="/etc/\n", line=1, layer=0),
    Setting(key="php.cli.precision", value=-1, path="/etc/php.ini", line=9, layer=0),
    Setting(key="sshd.ClientAliveInterval", value=0),
    Setting(key="sshd.Match[0].criteria", value=None, path="/etc/ssh/sshd_config", line=120, layer=0),
    Setting(key="x.ratio", value=0.5, path="/etc/x", line=1, layer=0),
)  # fmt: skip

CONFIGURATIONS = {
    "empty": ImageConfiguration(source=_EMPTY.source, configuration=Configuration(settings=(), files=()), problems=()),
    "odd": ImageConfiguration(
        source=_ODD.source,
        configuration=Configuration(settings=_SETTINGS, files=("/etc/nginx/nginx.conf", "/etc/x")),
        problems=(_PROBLEM,),
    ),
}

_SECRETS = (
    Secret(
        place="env",
        path="",
        name="DB_PASSWORD",
        line=1,
        kind="setting-secret",
        title="secret that is given to a variable by its name",
        severity="high",
        digest="0011223344556677",
    ),
    Secret(
        place="file",
        path="/app/\x1b[2J.env",
        name="",
        line=2,
        kind="slack-token",
        title="Slack token",
        severity="high",
        digest="8899aabbccddeeff",
        layer=1,
        is_ghost=True,
    ),
    Secret(
        place="file",
        path="/usr/share/doc/x/key",
        name="",
        line=7,
        kind="private-key",
        title="private key",
        severity="critical",
        digest="8899aabbccddee00",
        layer=0,
        allowed="documentation: it is an example in documentation",
    ),
)

SECRETS = {
    "empty": ImageSecrets(source=_EMPTY.source, secrets=(), problems=()),
    "odd": ImageSecrets(source=_ODD.source, secrets=_SECRETS, problems=(_PROBLEM,)),
}

_ENGINES = (
    Engine(
        name="clamav",
        version="1.4.2",
        signatures="27500",
        signatures_at=datetime(2026, 1, 7, 9, tzinfo=UTC),
        caveat="it says nothing of large archives",
    ),
    Engine(name="yara", version="1.0", signatures="sha256:00"),
)
_SCAN = MalwareScan(
    engines=_ENGINES,
    infections=(
        Infection(path="/a.jar", layer=0, inner="b.zip!/c", engine="yara", signature="eicar", is_ghost=False),
        Infection(path="/\x1b[2J", layer=1, inner="", engine="clamav", signature="Eicar\n", is_ghost=True),
    ),
    unscanned=(UnscannedFile(path="/huge", layer=0, engine="yara", reason="it is too large"),),
    unscanned_count=12,
)

MALWARE = {
    "no-scanner": ImageMalware(source=_EMPTY.source, scan=MalwareScan(engines=()), problems=()),
    "clean": ImageMalware(source=_EMPTY.source, scan=MalwareScan(engines=_ENGINES), problems=()),
    "odd": ImageMalware(source=_ODD.source, scan=_SCAN, problems=(_PROBLEM,)),
}

KNOWN = {
    "nothing": KnownImage(inventory=_EMPTY, policy_facts=PolicyFacts()),
    "all": KnownImage(
        inventory=_ODD,
        policy_facts=PolicyFacts(
            certificates=(
                KeyFile(path="/k", layer=0, is_ghost=False, items=(PrivateKey(number=1, is_encrypted=False),)),
            ),
            config=ImageConfig(user="app", env=("DB_PASSWORD=****",), labels={"b": "2", "a": "1"}),
            configuration=CONFIGURATIONS["odd"].configuration,
            ghosts=True,
            malware=_SCAN,
            secrets=_SECRETS,
        ),
    ),
}
