"""A policy to start from, with its test cases, for the command line and for the console."""

from __future__ import annotations

from collections.abc import Iterable

_POLICY = """\
# What an image must keep to. Check, test and try it:
#
#     hullmark policy validate {file}
#     hullmark policy test --coverage {file}
#     hullmark check --policy {file} IMAGE
#
# `hullmark policy gates` lists what rules can be made of, `hullmark policy describe GATE` their parameters. Actions: stop (exit
# status 1), warn, go (only listed). Every value is text, so versions and ports need no quotes.
#
# What cannot be told is never taken for good: a rule that could not look at all it asks about (a layer that was not read, no whole
# and fresh advisories) makes the verdict `unknown` (exit status 3). `when_unknown: stop`, `warn` or `go` at a rule says
# otherwise; keep it away from rules that stop, or an image passes that nobody looked at.

schema: hullmark-policy/1
name: {name}
version: 1
description: What an image must keep to.

rules:
  # --- Vulnerabilities: `hullmark db update` fetches the advisories ------------------------------------------------------
  - id: exploited
    gate: vulnerabilities
    trigger: found
    action: stop
    params: {{exploited: true}}

  - id: critical-with-fix
    gate: vulnerabilities
    trigger: found
    action: stop
    # What nobody rated may be critical: it is left to the next rule. Without this line such a finding makes the verdict unknown.
    params: {{severity: critical, fix: [fixed], unrated: ignore}}

  - id: unrated
    gate: vulnerabilities
    trigger: found
    action: warn
    message: Nobody has rated it; look at it yourself.
    params: {{severities: [unknown]}}

  # --- What is in the image ----------------------------------------------------------------------------------------------
  - id: secrets
    gate: secrets
    trigger: found
    action: stop
    message: Remove it from every layer, and replace it where it is used.

  - id: not-root
    gate: config
    trigger: user
    action: stop
    message: Add a USER instruction with an ordinary user.
    params: {{not_root: true}}

  # --- What could not be told --------------------------------------------------------------------------------------------
  # These warn of what no rule above asks about. Say `stop` where nothing unknown may be deployed; an exception for a path, with
  # owner, reason and last day, lets one thing pass.
  - id: not-read
    gate: analysis
    trigger: problem
    action: warn
    params: {{kinds: [unseen]}}

  - id: not-identified
    gate: analysis
    trigger: unidentified
    action: warn
    message: Nobody can say what is wrong with it.
"""

_CASES = """\
# `hullmark policy test {file}` judges these. A recipe describes an image in words.
schema: hullmark-policy-tests/1
cases:
  - name: a small image with an ordinary user passes
    recipe: &good
      settings: {{user: "1000"}}
      packages: [pkg:deb/debian/libc6@2.36-9]
      files:
        /etc/os-release: "ID=debian\\nVERSION_ID=12\\n"
        /etc/passwd: "root:x:0:0::/:/bin/sh\\napp:x:1000:1000::/:/bin/sh\\n"
    vulnerabilities:
      - {{package: pkg:deb/debian/libc6@2.36-9, id: CVE-2026-1, severity: high, fix: 2.36-10}}
    expect: {{verdict: go}}

  - name: what is exploited, or critical with a fix, stops; what nobody rated warns
    recipe: *good
    vulnerabilities:
      - {{package: pkg:deb/debian/libc6@2.36-9, id: CVE-2026-2, severity: low, exploited: true, since: 2025-12-01}}
      - {{package: pkg:deb/debian/libc6@2.36-9, id: CVE-2026-3, severity: critical, fix: 2.36-10}}
      - {{package: pkg:deb/debian/libc6@2.36-9, id: CVE-2026-4}}
    expect:
      verdict: stop
      only: true
      findings:
        - {{rule: exploited, subject: "CVE-2026-2*"}}
        - {{rule: critical-with-fix, subject: "CVE-2026-3*"}}
        - {{rule: unrated, subject: "CVE-2026-4*"}}

  - name: root, a key and a damaged archive
    recipe:
      settings: {{user: root}}
      files:
        /srv/key.pem: "-----BEGIN RSA PRIVATE KEY-----\\n{key}\\n"
        /opt/broken.jar: "this is not an archive"
        /opt/tool: {{text: "\\x7fELF", mode: 0755}}
    vulnerabilities: []
    expect:
      verdict: stop
      findings:
        - {{rule: not-root, subject: user}}
        - {{rule: secrets}}
        - {{rule: not-read, subject: /opt/broken.jar}}
        - {{rule: not-identified}}

  - name: where an archive could not be read, nobody can tell
    recipe:
      settings: {{user: "1000"}}
      files:
        /etc/passwd: "app:x:1000:1000::/:/bin/sh\\n"
        /opt/broken.jar: "this is not an archive"
    vulnerabilities: []
    expect: {{verdict: unknown, findings: [{{rule: not-read, subject: /opt/broken.jar}}]}}
"""

_OWN_RULES = frozenset(
    ("exploited", "critical-with-fix", "unrated", "secrets", "not-root", "not-read", "not-identified")
)

_FIRST_CASES = """\
# A recipe describes an image in words; `expect` says what the policy has to say of it.
schema: hullmark-policy-tests/1
cases:
  - name: an image that runs as root
    recipe: {settings: {user: root}}
    vulnerabilities: []
    expect: {verdict: stop}

  - name: an image with an ordinary user
    recipe:
      settings: {user: "1000"}
      files: {/etc/passwd: "app:x:1000:1000::/:/bin/sh\\n"}
    vulnerabilities: []
    expect: {verdict: go}
"""


def starting_policy(name: str, file: str) -> str:
    """The text of a policy with this name, for a file of that name."""
    return _POLICY.format(name=name, file=file)


def starting_cases(file: str) -> str:
    """The text of test cases for the policy in a file of this name."""
    return _CASES.format(file=file, key=_key())


def cases_to_begin_with(rules: Iterable[str]) -> str:
    """Test cases for a policy that has none: the full set if it has the rules of the starting policy, otherwise two that show the form."""
    return starting_cases("policy.yaml") if set(rules) >= _OWN_RULES else _FIRST_CASES


def _key() -> str:
    """A text that looks like a key but is not one."""
    return "MIIEpAIBAAKCAQEA" + "0123456789abcdefghijklmnopqrstuvwxyz" * 3
