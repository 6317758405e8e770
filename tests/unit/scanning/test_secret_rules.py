"""Rules of one's own about secrets: ours, Trivy's and Anchore's, and what comes of them in an image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.secrets.allowed import ALLOWED
from hullmark.facets.secrets.facet import secrets_facet
from hullmark.facets.secrets.finder import Finder
from hullmark.facets.secrets.kinds import KINDS
from hullmark.facets.secrets.own import OwnRules
from hullmark.facets.view import ImageView
from hullmark.model.errors import HullmarkError
from hullmark.model.image import ImageConfig
from hullmark.rootfs.squash import squash
from hullmark.scanning.secret_rules import MAX_RULES, read_rules, rules_of
from hullmark.scanning.trivy_secrets import ALLOWED_OF_TRIVY, KINDS_OF_TRIVY, WITHOUT_OURS
from tests.support.layers import TarBuilder, records

NPM = "npm_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0fI3lO6"
OURS = "schema: hullmark-secret-rules/1\n"


def found(rules: OwnRules, files: Mapping[str, str], env: tuple[str, ...] = ()) -> list[tuple[str, str, int, str]]:
    """(kind, path or variable, line, rule that allows it) of each secret in an image of these files."""
    layer = TarBuilder()
    for path, text in files.items():
        layer.add(path, text.encode())
    facet = secrets_facet(rules)
    read = records([layer.done()], facet.reads)
    view = ImageView(squash(read), read, None, ImageConfig(env=env), "secrets")
    return [
        (each.kind, each.path or each.name, each.line, each.allowed.partition(":")[0]) for each in facet.assemble(view)
    ]


def refusal(text: str) -> str:
    with pytest.raises(ValueError) as caught:
        read_rules(text.encode())
    return str(caught.value)


def outcome(body: bytes) -> str:
    """What comes of reading it: that it was read, or the complaint."""
    try:
        return f"read: {read_rules(body)}"
    except ValueError as error:
        return str(error)


def test_a_kind_of_ones_own_is_found_where_it_says() -> None:
    rules = read_rules(
        f"""{OURS}
kinds:
  - id: corp-token
    title: token of the shop
    severity: critical
    keywords: [corp_]
    pattern: 'corp_(?P<s>[a-z0-9]{{8}})'
    files: [.conf]
    path: ^/srv/
""".encode()
    )
    text = "x\nt = corp_abcd1234\n"
    assert found(rules, {"srv/a.conf": text, "srv/a.txt": text, "opt/a.conf": text}) == [
        ("corp-token", "/srv/a.conf", 2, "")
    ]
    (kind,) = rules.kinds
    assert (kind.title, kind.severity) == ("token of the shop", "critical")


def test_a_kind_of_ones_own_takes_the_place_of_ours() -> None:
    rules = read_rules(f"{OURS}kinds: [{{id: npm-token, keywords: [npm-], pattern: 'npm-[a-z]{{4}}'}}]".encode())
    assert found(rules, {"a": f"{NPM}\n", "b": "npm-abcd\n"}) == [("npm-token", "/b", 1, "")]


def test_kinds_can_be_left_out() -> None:
    assert found(OwnRules(), {"a": NPM}) == [("npm-token", "/a", 1, "")]
    assert found(read_rules(f"{OURS}without: [npm-token]".encode()), {"a": NPM}) == []


def test_what_is_allowed_for_a_reason_is_told_with_it() -> None:
    rules = read_rules(
        f"""{OURS}
allow:
  - {{reason: ours, path: ^/ci/, kinds: [npm-token]}}
  - {{reason: for trying out, pattern: C0fI3lO6$}}
""".encode()
    )
    other = NPM[:-1] + "x"
    files = {"ci/a": other, "app/a": other, "app/b": NPM}
    assert found(rules, files, (f"A={NPM}", f"B={other}")) == [
        ("npm-token", "A", 1, "own-2"),
        ("npm-token", "B", 1, ""),
        ("npm-token", "/app/a", 1, ""),
        ("npm-token", "/app/b", 1, "own-2"),
        ("npm-token", "/ci/a", 1, "own-1"),
    ]


def test_lines_of_anchore_are_tried_on_each_line() -> None:
    rules = read_rules(b"# theirs\nAWS_ACCESS_KEY=(?i).*aws_id( |=|:)*[A-Z]{4}.*\nPRIV_KEY=-+BEGIN(.*)KEY-+\n")
    assert found(rules, {"a": "b\nmy AWS_ID = ABCD!\n ----BEGIN A KEY----\n", "b": "----BEGIN A KEY----"}) == [
        ("aws-access-key", "/a", 2, ""),
        ("priv-key", "/b", 1, ""),
    ]


def test_the_lines_that_anchore_brings_along_are_read() -> None:
    lines = (
        r"""AWS_ACCESS_KEY=(?i).*aws_access_key_id( |=|:|"|\')*([A-Z]|[0-9]){20}.*""",
        r"""AWS_SECRET_KEY=(?i).*aws_secret_access_key( |=|:|"|\')*([A-Z]|[0-9]|[a-z]|/|\+){40}.*""",
        r"""PRIV_KEY=(?i)-+BEGIN(.*)PRIVATE KEY-+""",
        r"""DOCKER_AUTH=(?i).*"auth": *".+\"""",
        r"""ALPINE_NULL_ROOT=^root:::0:::::$""",
    )
    finder = Finder(read_rules("\n".join(lines).encode()).kinds)
    key = "-----BEGIN " + "RSA PRIVATE KEY-----"
    body = f'root:::0:::::\nx\n{key}\n my aws_access_key_id = {"A1" * 10}\n {{"auth": "YWJj"}}\n'
    assert [spot.kind.id for spot in finder.find(body.encode()).found] == [
        *("alpine-null-root", "priv-key", "aws-access-key", "docker-auth"),
    ]


TRIVY = """\
rules:
  - id: rule1
    category: general
    title: Generic Rule
    severity: HIGH
    path: .*\\.sh
    keywords: [Secret]
    regex: (?i)(?P<key>(secret))(=|:).{0,5}['"](?P<secret>[0-9a-zA-Z\\-_=]{8,64})['"]
    secret-group-name: secret
    allow-rules:
      - {id: skip-text, description: skip text files, path: .*\\.txt.sh}
      - {id: skip-many, regex: 0000}
    exclude-block:
      regexes: ['(?s)--- begin ignore.*?--- end ignore']
allow-rules:
  - {id: number, description: no number, regex: 219-09-9999}
  - {id: log-dir, path: ^\\/var\\/log\\/}
exclude-block:
  description: ours
  regexes: ['# skip: .*']
"""


def test_rules_of_trivy() -> None:
    rules = read_rules(TRIVY.encode())
    files = {
        "a.sh": 'x\nSECRET: "abcdefgh1"\n',
        "a.txt.sh": 'secret="abcdefgh1"',
        "a.py": 'secret="abcdefgh1"',
        "b.sh": 'secret="abcd00001"',
        "c.sh": '--- begin ignore\nsecret="abcdefgh1"\n--- end ignore\nsecret="abcdefgh2"\n',
        "d.sh": f'# skip: secret="abcdefgh1" {NPM}\n',
        "e.sh": 'secret="219-09-9999"',
        "var/log/f.sh": f"secret='abcdefgh1' {NPM}",
    }
    assert found(rules, files) == [
        ("rule1", "/a.sh", 2, ""),
        ("rule1", "/a.txt.sh", 1, "skip-text"),
        ("rule1", "/b.sh", 1, "skip-many"),
        ("rule1", "/c.sh", 4, ""),
        ("rule1", "/e.sh", 1, "number"),
        ("npm-token", "/var/log/f.sh", 1, "log-dir"),
        ("rule1", "/var/log/f.sh", 1, "log-dir"),
    ]
    (kind,) = rules.kinds
    assert (kind.title, kind.severity) == ("Generic Rule", "high")


def test_trivy_takes_away_kinds_and_what_is_allowed() -> None:
    text = f"postgres://app:s3cr3t@db/app {NPM}"
    files = {"a": text, "usr/share/doc/x": text, "srv/node_modules/a.md": text}
    assert {each[0] for each in found(read_rules(b"enable-builtin-rules: [npm-access-token]"), files)} == {"npm-token"}
    assert {
        each[0] for each in found(read_rules(b"disable-rules: [npm-access-token, stripe-publishable-token]"), files)
    } == {"url-password"}
    both = b"enable-builtin-rules: [npm-access-token, jwt]\ndisable-rules: [npm-access-token]"
    assert found(read_rules(both), files) == []
    shown = found(read_rules(b"disable-allow-rules: [markdown, examples]"), files)
    assert [each[3] for each in shown if each[0] == "npm-token"] == ["", "", ""]


def test_a_rule_of_ones_own_can_be_turned_off_where_it_stands() -> None:
    rules = read_rules(f"{TRIVY}disable-rules: [rule1]\ndisable-allow-rules: [log-dir]\n".encode())
    assert found(rules, {"a.sh": 'secret="abcdefghi"', "var/log/a": NPM}) == [("npm-token", "/var/log/a", 1, "")]


def test_what_is_known_of_trivy_leads_to_kinds_that_there_are() -> None:
    kinds, allowed = {kind.id for kind in KINDS}, {each.name for each in ALLOWED}
    assert {name for names in KINDS_OF_TRIVY.values() for name in names} <= kinds
    assert {name for names in ALLOWED_OF_TRIVY.values() for name in names} <= allowed
    assert WITHOUT_OURS.isdisjoint(kinds)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "expected a mapping"),
        ("[]", "expected a mapping"),
        ("a: b", "expected `schema: hullmark-secret-rules/1`, Trivy's `rules`, or lines of NAME=expression"),
        ("a: [", "it is not YAML: while parsing a flow node"),
        ("rules: &a []\nallow-rules: *a", "aliases are not read"),
        ("schema: other/1", "Invalid enum value 'other/1' - at `$.schema`"),
        (f"{OURS}kind: []", "Object contains unknown field `kind`"),
        (f"{OURS}kinds: [{{id: a, pattern: b, keywords: []}}]", "the rule a: expected keywords, of which one stands"),
        (f"{OURS}kinds: [{{id: a, pattern: '(', keywords: [b]}}]", "the rule a: of its expression '(': it cannot be"),
        (f"{OURS}without: [npm]", "npm is not a kind of secret"),
        (f"{OURS}allow: [{{reason: x, path: a, kinds: [npm]}}]", "npm is not a kind of secret"),
        (f"{OURS}allow: [{{reason: x}}]", "the allow rule 1: expected a path or a pattern"),
        ("A=(", "the rule A: of its expression '(?:()': it cannot be read"),
        ("A=(a+)+", "the rule A: of its expression '(?:(a+)+)': a repeat without end stands inside another one"),
        ("A=x\nA=y", "the rule a: there are several of this name"),
        ("rules: [{id: a, regex: '\\pL'}]", "the rule a: of its expression '\\\\pL': \\p (classes of Unicode)"),
        ("rules: [{id: a}]", "Object missing required field `regex` - at `$.rules[0]`"),
        ("rules: [{id: a, regex: b, regexp: c}]", "Object contains unknown field `regexp` - at `$.rules[0]`"),
        ("allow-rules: [{id: a}]", "the allow rule a: expected a regex or a path"),
        (
            "enable-builtin-rules: [stripe-publishable-token]",
            "stripe-publishable-token is not a rule that there is a kind of secret for",
        ),
        ("disable-rules: [nobodys]", "nobodys is not a rule that there is a kind of secret for"),
        ("disable-allow-rules: [nobodys]", "nobodys is not a rule that there is a kind of secret for"),
        ("\n".join(f"A{n}=x" for n in range(MAX_RULES + 2)), "it has more than 1,000 rules"),
    ],
)
def test_what_is_no_rule_is_said(text: str, complaint: str) -> None:
    assert refusal(text).startswith(complaint)


def test_a_file_that_holds_no_rules_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("a: b", "utf-8")
    with pytest.raises(HullmarkError, match=r"rules\.yaml: expected `schema:"):
        rules_of([path])


def test_rules_of_several_files_hold_together(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("enable-builtin-rules: [npm-access-token, jwt]", "utf-8")
    (tmp_path / "b").write_text("A=one", "utf-8")
    (tmp_path / "c").write_text("enable-builtin-rules: [jwt]\ndisable-rules: [private-key]", "utf-8")
    rules = rules_of([tmp_path / name for name in "abc"])
    assert [kind.id for kind in rules.kinds] == ["a"]
    assert (rules.only, rules.without) == (("jwt",), ("private-key",))


@given(st.binary(max_size=60) | st.text("{}[]:,&*'\"- \nab=1", max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    assert outcome(body)
