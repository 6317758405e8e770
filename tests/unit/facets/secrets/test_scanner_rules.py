"""What other scanners' rules find is found, too, by name where the issuer is known; and what only looks like it is not."""

from __future__ import annotations

import pytest

from hullmark.facets.secrets.facet import secrets_facet
from hullmark.facets.secrets.kinds import KINDS
from tests.unit.facets.secrets.samples import ALNUM, BASE32, BINARY, DIGITS, HEX, LOWER, SAMPLES, URL, some
from tests.unit.facets.secrets.scanner_rules import GENERAL, REASONS, SCANNERS, rules

(READ,) = secrets_facet().reads


def found(body: bytes, name: str) -> set[str]:
    """The kinds found in a file."""
    return {fact.kind for fact in READ.extract(f"srv/app/{name}", memoryview(body), lambda _: None) or ()}


def test_what_a_rule_of_another_scanner_finds_is_found() -> None:
    missed = []
    for rule in rules():
        for text in rule.texts() if rule.kind else ():
            name = "run.py" if b"(" in text else "run.env"
            kinds = found(text, name)
            if rule.kind not in kinds and (rule.kind not in GENERAL or GENERAL.isdisjoint(kinds)):
                missed.append((rule.name, rule.kind, sorted(kinds), text[:60]))
    assert missed == []


def test_a_rule_without_a_kind_says_why_and_names_are_unique() -> None:
    table = rules()
    assert {rule.text for rule in table if not rule.kind} == set(REASONS)
    assert len({rule.name for rule in table}) == len(table)
    assert set("".join(rule.scanners for rule in table)) == set(SCANNERS)


def test_every_kind_has_a_sample_and_a_name_of_its_own() -> None:
    sampled = {*SAMPLES, *BINARY, *(rule.kind for rule in rules() if rule.kind)}
    assert sorted(sampled) == sorted(kind.id for kind in KINDS)


@pytest.mark.parametrize("name", ["settings.env", "settings.py"])
def test_what_only_looks_like_a_credential_of_an_issuer_is_none(name: str) -> None:
    mistaken = []
    for text in _DECOYS:
        kinds = found(f"{text}\n".encode(), name)
        if kinds:
            mistaken.append((text, sorted(kinds)))
    assert mistaken == []


_DECOYS = (
    f"ADAFRUIT_GROUP = '{some(HEX, 32)}'",
    f"okta_build_id: {some(HEX, 40)}",
    f"linear_gradient = '{some(HEX, 32)}'",
    f"inbox_keyword: '{some(HEX, 32)}'",
    f"algolia_api_key: '{'a' * 32}'",
    f"HUNTER_SHA = '{some(HEX, 40)}'",
    "STABILITY_API_KEY = os.environ['STABILITY_API_KEY']",
    "mistral_api_key: ${MISTRAL_API_KEY}",
    "MISTRAL_API_KEY = 'your_mistral_api_key_goes_here_'",
    "twitch_token = get_the_twitch_token_of_user()",
    "lip_sync_frames_of_the_whole_animation = 4",
    "ion_channel_conductance_matrix_rows_and_columns_of_all = 1",
    "prf_calculation_of_long_service_names_here = None",
    "rpa_process_automation_definition_name = 0",
    "BSAllocatorFactoryImplementationOfTheRuntime = 0",
    f"EXO{some(LOWER, 26).upper()} = 0",
    f"API-{'REFERENCEGUIDEFORALLUSERS'}A",
    "API-COMPATIBILITYLEVELOFTHETHING",
    f"4b1d{some(HEX, 38)}",
    f"{some(HEX, 9)}4b1d{some(HEX, 38)}",
    'PasswordEprotobuf:"bytes,2,opt,name=password,proto3" json:"password,omitempty"',
    f"EAAA{some(HEX, 60).upper()}",
    f"cs_{some(HEX, 39)}",
    f"xcs_{some(HEX, 40)}",
    f"cog_{some(LOWER, 51)}",
    f"waka_{'time_spent_by_each_of_us_in_a_file_or_so'}",
    f"unkey_{some(LOWER, 24)}",
    f"00D{some(ALNUM, 11)}!AQ{some(URL, 90)}",
    f"_mmk {some(ALNUM, 6)}_{some(ALNUM, 28)}",
    f"A3-{some(DIGITS, 6)}-SECTION-OF-A-STANDARD",
    f"harness.pat.{some(LOWER, 22)}.run",
    f"csa_{some(HEX, 30)}",
    f"sgp_{some(HEX, 39)}",
    f"llx-{some(ALNUM, 43)}",
    f"AKIB{some(BASE32, 16)}",
    f"A3TX{some(LOWER, 16)}",
    "ZXlKaGJHY2lPbm9uc2Vuc2U",
    'echo "$PASSWORD" | sudo -S id',
    "echo done | tee chpasswd.log",
    "echo user:$PASS | chpasswd",
    'sql.Open("mysql", "user:password@tcp(localhost:3306)/x")',
    "<crypt><key>REPLACE</key></crypt>",
    '<label for="password">Password:</label>',
    '<property name="password">${db.password}</property>',
    'resource "random_password" "db" { length = 16 }',
    '<machineKey validationKey="AutoGenerate,IsolateApps" />',
    "aws configure set aws_secret_access_key $AWS_SECRET_ACCESS_KEY",
)


def test_the_folder_that_a_shell_is_in_is_no_password() -> None:
    assert found(b"\x00\r\n--PWD=PATH.tarbodyasn1utf8bitsNameTypeAAAAMX\x00", "skopeo") == set()
    assert found(b"OLDPWD=PATH.tarbodyasn1utf8bitsNameTypeAAAAMX\n", "run") == set()
    assert found(b"DB_PWD=PATH.tarbodyasn1utf8bitsNameTypeAAAAMX\n", "run") != set()
