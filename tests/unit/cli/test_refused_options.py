"""Options that cannot be used, each said with what to do instead; and parts of the program that are not installed."""

from __future__ import annotations

import json
import sys

import pytest

from tests.support.images import sha256, small_layout
from tests.support.in_process import CommandLine, TableServer
from tests.support.sigstore import Sigstore

BUNDLE = """\
{"id": "b", "version": "1_0", "name": "b", "whitelists": [], "whitelisted_images": [], "blacklisted_images": [],
 "policies": [{"id": "p", "name": "p", "version": "1_0", "rules": [RULE]}],
 "mappings": [{"id": "m", "name": "m", "registry": "*", "repository": "*", "image": {"type": "tag", "value": "*"},
  "policy_ids": ["p"], "whitelist_ids": []}]}
"""
NATIVE = """\
schema: hullmark-policy/1
name: native
rules: [{id: not-root, gate: config, trigger: user, action: warn, params: {not_root: true}}]
"""
NO_ROOT = """{"id": "r", "gate": "dockerfile", "trigger": "effective_user", "action": "STOP",
 "params": [{"name": "users", "value": "root"}, {"name": "type", "value": "blacklist"}]}"""
LOST = '{"id": "r", "gate": "npms", "trigger": "feed_data_unavailable", "action": "STOP", "params": []}'


class Lacking:
    """Finds that a package is not installed."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Nothing, as one that does not know the module; of the package that it is not there."""
        if name == self.name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.fixture
def image(hullmark: CommandLine) -> str:
    """A small image on this machine."""
    return f"oci-dir:{small_layout(hullmark.place / 'image')}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("scan", "-o", "template", "--template", "gone", "IMAGE"),
            ("cannot read the template gone: [Errno 2] No such file or directory: 'gone'", "check the path"),
        ),
        (
            ("scan", "-o", "json", "--spec-version", "1.6", "IMAGE"),
            ("--spec-version says in which version of CycloneDX to write", "add -o cyclonedx-json or -o cyclonedx-xml"),
        ),
        (
            ("scan", "-o", "cyclonedx-json", "--spec-version", "9", "IMAGE"),
            ("9 is not a version of cyclonedx-json", "choose one of 1.4, 1.5, 1.6, 1.7"),
        ),
        (
            ("files", "IMAGE", "IMAGE", "/etc/passwd"),
            ("with PATH, files of one SOURCE are printed as they are", "give SOURCE and PATHs alone"),
        ),
        (
            ("scan", "--for-policies", "--catalogers", "python", "IMAGE"),
            ("policies are told of all packages", "leave out --catalogers or --for-policies"),
        ),
        (
            ("diff", "verdict.json", "verdict.json", "-o", "html"),
            ("'html' is not a format for verdicts", "choose one of json, table"),
        ),
        (
            ("diff", "verdict.json", "gone.json"),
            (
                "there is no file gone.json",
                "BEFORE and AFTER are verdicts: hullmark check -o json=FILE IMAGE writes one",
            ),
        ),
        (
            ("policy", "describe", "vulnerabilties.package"),
            (
                "there is no gate or trigger 'vulnerabilties.package'; did you mean 'vulnerabilities'?",
                "hullmark policy gates lists them",
            ),
        ),
        (
            ("policy", "init", "gone/p.yaml"),
            ("cannot write gone/p.yaml: No such file or directory", "check path and rights"),
        ),
        (
            ("policy", "convert", "native.yaml"),
            ("native.yaml is a native policy already", "hullmark check takes it as it is"),
        ),
        (
            ("policy", "convert", "lost.json"),
            (
                "nothing of the policy can be said natively: rule p/r: npms.feed_data_unavailable has no equal: "
                "it rests on what the context tells, which no native rule reads",
                "hullmark check judges by Anchore policies as they are",
            ),
        ),
        (
            ("policy", "convert", "root.json", "--file", "gone/p.yaml"),
            ("cannot write gone/p.yaml: No such file or directory", "check path and rights"),
        ),
    ],
)
def test_an_option_that_cannot_be_used_is_answered_with_what_can(
    hullmark: CommandLine, image: str, words: tuple[str, ...], said: tuple[str, str]
) -> None:
    for name, text in (
        ("native.yaml", NATIVE),
        ("lost.json", BUNDLE.replace("RULE", LOST)),
        ("root.json", BUNDLE.replace("RULE", NO_ROOT)),
    ):
        (hullmark.place / name).write_text(text)
    assert hullmark("check", image, "--policy", "native.yaml", "-o", "json=verdict.json").status == 0
    assert hullmark(*(image if word == "IMAGE" else word for word in words)).refusal == said


@pytest.mark.parametrize(
    ("missing", "words", "env", "said"),
    [
        (
            "grpc",
            ("agent", "--engine", "containerd", "--once"),
            {},
            ("containerd cannot be asked: grpc is missing", "install it: pip install 'hullmark[containerd]'"),
        ),
        (
            "uvicorn",
            ("admit", "kubernetes"),
            {"HULLMARK_GATE_READY": "1", "HULLMARK_GATE_LISTENER": "1"},
            ("the server is not installed: uvicorn is missing", "install it: pip install 'hullmark[server]'"),
        ),
        (
            "mcp",
            ("mcp",),
            {},
            ("assistants cannot be answered: mcp is missing", "install it: pip install 'hullmark[mcp]'"),
        ),
    ],
)
def test_what_is_not_installed_is_said_with_how_to_install_it(
    hullmark: CommandLine,
    server: TableServer,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    words: tuple[str, ...],
    env: dict[str, str],
    said: tuple[str, str],
) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == missing or name.startswith(
            ("hullmark.places.runtime.containerd.", "hullmark.cli.remote.mcp_")
        ):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Lacking(missing), *sys.meta_path])
    assert hullmark(*words, env=env).refusal == said


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("hullmark.places.runtime.containerd.collector", ("agent", "--engine", "containerd", "--once")),
        ("hullmark.server.stories.settings", ("serve",)),
        ("hullmark.cli.remote.mcp_server", ("mcp",)),
    ],
)
def test_a_module_of_ours_that_is_missing_is_a_bug_and_nothing_to_install(
    hullmark: CommandLine, server: TableServer, monkeypatch: pytest.MonkeyPatch, own: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setitem(sys.modules, own, None)
    ran = hullmark(*words)
    assert ran.status == 10
    assert ran.err.splitlines()[0].startswith(
        f"hullmark: a bug in hullmark: ModuleNotFoundError: import of {own} halted"
    )


def test_a_bug_is_shown_where_it_happened_only_where_that_is_asked_for(
    hullmark: CommandLine, server: TableServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hullmark.server.stories.settings", None)
    with pytest.raises(ModuleNotFoundError):
        hullmark("serve", "--debug")


def test_a_report_is_not_written_to_a_terminal(hullmark: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    ran = hullmark("report", "shop:1")
    assert ran.refusal == ("a PDF document cannot be shown on a terminal", "give it a file: -o pdf=report.pdf")


def test_entries_of_a_trusted_root_that_cannot_be_used_are_said(hullmark: CommandLine) -> None:
    """Those that can are used; an identity is named by two options."""
    document = Sigstore().trusted_root(ctlogs=[{"logId": {"keyId": "AA=="}, "publicKey": {"rawBytes": "AA=="}}])
    (hullmark.place / "root.json").write_text(json.dumps(document))
    identity = ("--certificate-identity", "a@example.org", "--certificate-oidc-issuer", "https://ci.example")
    words = ("verify", sha256(b"an image"), "--bundle", "gone.json", "--trusted-root", "root.json")
    ran = hullmark(*words, *identity)
    assert ran.status == 2
    said, *refusal = ran.err.splitlines()
    assert said.startswith("hullmark: one without a name in the trusted root cannot be used: ")
    assert refusal == ["hullmark: cannot read gone.json: No such file or directory", "  check the path"]
    ran = hullmark(*words, *identity[:2])
    assert ran.refusal[0] == "an identity is a subject and who vouches for it"
