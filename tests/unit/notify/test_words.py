"""The words of notices, and templates that word them otherwise: exact, harmless, and soon at an end."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.model.notice import TRANSITION_KINDS, Cause, Digest, Evidence, Item, Notice
from hullmark.notify.details import place_of
from hullmark.notify.templates import MOST_TEXT, TemplateFault, render_template
from hullmark.notify.words import package_in, text_of, title_of
from tests.support.effort import ends

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
FOUND = Evidence(
    rule="no-critical",
    message="CVE-2026-1234 in openssl 3.0.11",
    advisory="CVE-2026-1234",
    package="openssl",
    fix_state="fixed",
    fix_version="3.0.14-1",
)
CAUSE = Cause(
    kind="advisory",
    key="advisory:CVE-2026-1234@1",
    subject="CVE-2026-1234",
    sentence="CVE-2026-1234 is new.",
    seen_at=AT,
    severity="critical",
    evidence=(FOUND,),
)


def items(count: int) -> tuple[Item, ...]:
    return tuple(
        Item(
            id=number,
            kind="compliance.lost",
            at=AT,
            image=f"sha256:{number}",
            reference=f"r.example.org/app:{number}",
            policy="baseline",
            environment="production",
            before="go",
            after="stop",
            is_deployed=number == 1,
        )
        for number in range(1, count + 1)
    )


def notice(count: int = 3, **more: Any) -> Notice:
    made: dict[str, Any] = {
        "id": "1",
        "account": "ours",
        "cause": CAUSE,
        "items": items(min(count, 50)),
        "count": count,
        "kinds": {"compliance.lost": count},
        "at": AT,
        "link": "https://h.example.org/api/v1/messages/1",
    }
    return Notice(**{**made, **more})


def test_a_title_says_how_many_what_and_the_way_out() -> None:
    assert title_of(notice()) == "3 images out of compliance: CVE-2026-1234 in openssl (critical, fixed in 3.0.14-1)"
    assert title_of(notice(1)).startswith("1 image out of compliance: ")


def test_a_title_counts_each_kind_the_most_urgent_first() -> None:
    mixed = notice(kinds={"fix.available": 2, "finding.new": 1, "compliance.lost": 4})
    start = "4 images out of compliance, 1 image with one more finding, a fix for 2 images: "
    assert title_of(mixed).startswith(start)


def test_a_policy_is_named_as_the_cause() -> None:
    cause = Cause(
        kind="policy", key="p", subject="baseline", sentence="s", seen_at=AT, before="version 1", after="version 2"
    )
    assert title_of(notice(cause=cause)) == "3 images out of compliance: policy baseline (version 2)"
    digests = msgspec.structs.replace(cause, before="sha256:1", after="sha256:2")
    assert title_of(notice(cause=digests)) == "3 images out of compliance: policy baseline"
    assert "sha256" not in text_of(notice(cause=digests))


def test_it_is_said_that_there_is_no_fix() -> None:
    without = msgspec.structs.replace(FOUND, fix_state="wont-fix", fix_version="")
    told = notice(cause=msgspec.structs.replace(CAUSE, evidence=(without,)))
    assert title_of(told).endswith("(critical, no fix yet)")
    assert "To do: its supplier will not fix it: remove openssl" in text_of(told)


def test_a_text_says_what_why_how_many_and_where() -> None:
    assert text_of(notice(12)).splitlines() == [
        "CVE-2026-1234 is new.",
        "- CVE-2026-1234 in openssl 3.0.11: rule no-critical. To do: update openssl to 3.0.14-1",
        "",
        "12 images out of compliance:",
        "- r.example.org/app:1: go → stop (policy baseline, production, running)",
        *(f"- r.example.org/app:{n}: go → stop (policy baseline, production)" for n in range(2, 11)),
        "- and 2 more",
        "",
        "All of it: https://h.example.org/api/v1/messages/1",
    ]


def test_foreign_words_mean_nothing_in_markdown_and_stay_on_their_line() -> None:
    evil = msgspec.structs.replace(CAUSE, sentence="[click](http://evil)\n# *now*", evidence=())
    first = text_of(notice(cause=evil), "markdown").splitlines()[0]
    assert first == r"\[click\](http://evil) \# \*now\*"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('/bin/sh -c #(nop)  CMD ["sh"]', 'CMD ["sh"]'),
        ("/bin/sh -c apt-get install   -y curl", "RUN apt-get install -y curl"),
        ("|0 /bin/sh -c make # buildkit", "RUN make"),
        ("RUN /bin/sh -c make # buildkit", "RUN make"),
        ("COPY a b # buildkit", "COPY a b"),
    ],
)
def test_an_instruction_is_told_as_people_wrote_it(written: str, said: str) -> None:
    assert place_of(Evidence(path="/usr/bin/x", layer=2, instruction=written)) == f"at /usr/bin/x in layer 2 ({said})"


def test_a_digest_lists_its_causes() -> None:
    digest = Digest(
        id="1", account="a", subscription="daily", groups=(notice(),), count=3, since=AT, until=AT + timedelta(days=1)
    )
    assert title_of(digest) == "3 causes of change since 2026-05-01 12:00 UTC"
    lines = text_of(digest).splitlines()
    assert lines[1] == "- 3 images out of compliance: CVE-2026-1234 in openssl (critical, fixed in 3.0.14-1)"
    assert "- and 2 more causes" in lines


def test_tests_and_replays_say_so() -> None:
    assert title_of(notice(is_test=True)).startswith("Test: 3 images")
    assert "This is a test. Nothing happened." in text_of(notice(is_test=True))
    assert "sent before" in text_of(notice(is_replay=True))


@pytest.mark.parametrize("kind", TRANSITION_KINDS)
def test_every_kind_has_words(kind: str) -> None:
    assert title_of(notice(2, kinds={kind: 1})) != title_of(notice(2, kinds={kind: 2}))


words = st.text(max_size=300)


@given(words, words, words, words)
def test_any_words_give_a_title_on_one_line(subject: str, sentence: str, package: str, reference: str) -> None:
    found = Evidence(package=package, message=sentence, fix_version=subject, advisory=subject)
    cause = msgspec.structs.replace(CAUSE, subject=subject, sentence=sentence, evidence=(found,))
    item = msgspec.structs.replace(items(1)[0], reference=reference, environment=subject)
    told = notice(1, cause=cause, items=(item,))
    title = title_of(told)
    assert title
    assert len(title) <= 250
    assert title.splitlines() == [title]
    for form in ("plain", "markdown"):
        made = text_of(told, form)
        assert made.splitlines() == made.split("\n")


def by(template: str, told: Notice | Digest | None = None, **more: Any) -> str:
    return render_template(template, told or notice(), "the title", "the text", **more)


def test_a_template_chooses_loops_and_filters() -> None:
    text = (
        "{{ count }} by {{ cause.subject | lower }}{% if count > 2 %}!{% endif %}"
        "{% for i in items %} {{ loop.index }}.{{ i.after }}{% endfor %}"
    )
    assert by(text) == "3 by cve-2026-1234! 1.stop 2.stop 3.stop"
    assert by("{{ title }}/{{ text }}/{{ notice.at | moment }}") == "the title/the text/2026-05-01 12:00:00 UTC"
    assert by("{{ kinds['compliance.lost'] }}{{ nothing | default('-') }}{{ nothing }}") == "3-"
    assert by("{{ cause.evidence[0].package | replace('open', 'closed') | truncate(6) }}") == "close…"
    assert by("{{ '*x*' | markdown }}") == r"\*x\*"
    assert by("{{ ['a', 'b', count] | join(', ') }}{{ items[9] | join }}") == "a, b, 3"
    assert by("{{ (items | first).id }}-{{ (items | last).id }}{{ cause.affected | first }}{{ [] | last }}") == "1-3"
    assert by("{% for each in nothing %}{{ each }}{% endfor %}{{ cause.subject }}") == "CVE-2026-1234"


def test_a_template_is_filled_in_with_the_groups_of_a_digest() -> None:
    told = Digest(id="1", account="a", subscription="s", groups=(notice(), notice()), count=2, since=AT, until=AT)
    template = "{{ count }}: {% for each in groups %}{{ each.cause.subject }} {{ loop.index }} {% endfor %}{{ cause }}"
    assert render_template(template, told, "the title", "the text") == "2: CVE-2026-1234 1 CVE-2026-1234 2 None"


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__ }}",
        "{{ cause.__class__.__mro__ }}",
        "{{ cause['__class__'] }}",
        "{% for i in items.__init__.__globals__ %}{% endfor %}",
    ],
)
def test_a_template_does_not_reach_what_is_inside(template: str) -> None:
    with contextlib.suppress(TemplateFault):
        assert by(template) == ""


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(10) %}{% endfor %}",
        "{{ range(999999999) }}",
        "{{ 'a' * 999 }}",
        "{{ 9 ** 9 }}",
        "{{ '%099999d' % 1 }}",
        "{{ '{:99999}'.format(1) }}",
        "{{ 10000000000 }}",
        "{% set x = 1 %}",
        "{% with x = 1 %}{% endwith %}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% block x %}{% endblock %}",
        "{% filter upper %}x{% endfilter %}",
        "{% for i in 'text' %}{% endfor %}",
        "{% for i in items recursive %}{% endfor %}",
        "{{ x | attr('y') }}",
        "{{ x | map('y') }}",
        "{{",
        "x" * 20_001,
        "{{ " + " ~ ".join(["'x'"] * 200) + " }}",
        "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
        "{% if a %}" * 200 + "{% endif %}" * 200,
        "{{ " + "-" * 5000 + "1 }}",
        "{{ x" + ".a" * 5000 + " }}",
        "{% for a in items %}" * 5 + "{% endfor %}" * 5,
    ],
)
def test_a_template_cannot_do_much(template: str) -> None:
    with pytest.raises(TemplateFault):
        by(template)


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in items %}{% for b in items %}{% for c in items %}{% for d in items %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in items %}{{ notice | json | replace('a', '" + "b" * 5000 + "') }}{% endfor %}",
        "{{ '" + "a" * 9000 + "' | replace('a', '" + "b" * 9000 + "') }}",
        "{{ items | join('" + "b" * 19000 + "') }}",
        "{{ text" + " | json" * 40 + " }}",
    ],
)
def test_what_would_grow_ends_soon(template: str) -> None:
    with ends(), pytest.raises(TemplateFault):
        by(template, notice(50))


def test_a_result_is_cut() -> None:
    assert len(by("{% for a in items %}{{ '" + "x" * 9000 + "' }}{% endfor %}", notice(50))) == MOST_TEXT
    assert by("{{ text }}", most=5) == "the …"


@settings(max_examples=200)
@given(st.text(alphabet="{}%|.'\"[]() abcitemsfornextloopendifx0123~+-_\n", max_size=120))
def test_any_template_ends_in_words_or_a_fault(template: str) -> None:
    with contextlib.suppress(TemplateFault):
        assert len(by(template)) <= MOST_TEXT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pkg:deb/debian/libc6@2.41-12%2Bdeb13u5?arch=amd64&distro=debian-13", ("libc6", "2.41-12+deb13u5")),
        ("pkg:npm/%40angular/core@17.0.0", ("@angular/core", "17.0.0")),
        ("pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1", ("org.apache.logging.log4j/log4j-core", "2.14.1")),
        ("pkg:golang/golang.org/x/net@v0.7.0#http2", ("golang.org/x/net", "v0.7.0")),
        ("pkg:pypi/django", ("django", "")),
        ("openssl", ("openssl", "")),
        ("pkg:", ("", "")),
    ],
)
def test_a_package_is_called_as_people_call_it(text: str, said: tuple[str, str]) -> None:
    assert package_in(text) == said


def test_titles_and_texts_name_packages_not_purls() -> None:
    found = msgspec.structs.replace(FOUND, package="pkg:deb/debian/libssl3@3.0.11-1?arch=amd64", message="it is old")
    told = notice(cause=msgspec.structs.replace(CAUSE, evidence=(found,)))
    assert title_of(told) == "3 images out of compliance: CVE-2026-1234 in libssl3 (critical, fixed in 3.0.14-1)"
    assert (
        "- CVE-2026-1234 in libssl3 3.0.11-1: rule no-critical. To do: update libssl3 to 3.0.14-1"
        in text_of(told).splitlines()
    )
    assert "in libssl3 3.0.11-1" in text_of(told, "markdown")


def test_nothing_is_said_twice() -> None:
    cause = msgspec.structs.replace(
        CAUSE,
        kind="exploitation",
        sentence="CVE-2026-1234 is now exploited; it was not.",
        before="not",
        after="exploited",
        evidence=(msgspec.structs.replace(FOUND, message="CVE-2026-1234 in openssl. Upgrade to 3.0.14-1."),),
    )
    text = text_of(notice(cause=cause))
    assert "Before:" not in text
    assert text.count("3.0.14-1") == 1
    assert title_of(notice(cause=cause)).endswith("(critical, exploited, fixed in 3.0.14-1)")
