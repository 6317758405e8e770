"""Ruby's advisories: what is neither patched nor unaffected is affected; Ruby's own Gem::Requirement as oracle."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given

from hullmark.advisories.feeds.rubysec import FEED
from hullmark.versions.ranges import contains
from tests.support.advisories import document
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, damaged, read, tar_document

PATH = ("github.com", "rubysec", "ruby-advisory-db", "archive", "refs", "heads", "master.tar.gz")
URL = "https://" + "/".join(PATH)
PLACE = "ruby-advisory-db-master/gems/actionpack/CVE-2014-0081.yml"
ENTRY = """---
gem: actionpack
framework: rails
cve: 2014-0081
osvdb: 103439
ghsa: m46p-ggm5-5j83
url: https://x.example/announcement
title: |
  XSS Vulnerability in
  number_to_currency
date: 2014-02-18
description: Text.
cvss_v2: 4.3
cvss_v3: 6.1
unaffected_versions:
  - "< 3.0.0"
patched_versions:
  - ~> 3.2.17
  - ~> 4.0.3
  - ">= 4.1.0.beta2"
related:
  cve: [2014-0082]
  url: [https://x.example/more]
"""
GOOD = tar_document(URL, {PLACE: ENTRY})


def test_affected_is_what_is_neither_patched_nor_unaffected() -> None:
    found = advisories(FEED, GOOD)["gems/actionpack/CVE-2014-0081"]
    (affected,) = found.affected
    assert (affected.namespace, affected.name, affected.scheme, affected.fix_state) == (
        "gem",
        "actionpack",
        "gem",
        "fixed",
    )
    assert [(span.low, span.high, span.fixed) for span in affected.ranges] == [
        ("3.0.0", "3.2.17", "3.2.17"),
        ("3.3.A", "4.0.3", "4.0.3"),
        ("4.1.A", "4.1.0.beta2", "4.1.0.beta2"),
    ]
    assert found.aliases == ("CVE-2014-0081", "GHSA-m46p-ggm5-5j83", "OSVDB-103439")
    assert (found.severity, found.related, found.published) == ("medium", ("CVE-2014-0082",), "2014-02-18")
    assert found.summary == "XSS Vulnerability in number_to_currency"
    assert found.references == ("https://x.example/announcement", "https://x.example/more")


def test_ruby_itself_is_a_program_and_without_a_patch_every_version_is_affected() -> None:
    files = {"x/rubies/jruby/CVE-2010-1330.yml": "engine: jruby\ncve: 2010-1330\ntitle: x\ndate: 2010-04-26\n"}
    (affected,) = advisories(FEED, tar_document(URL, files))["rubies/jruby/CVE-2010-1330"].affected
    assert (affected.namespace, affected.name, affected.fix_state) == ("generic", "jruby", "not-fixed")
    assert contains(affected.ranges[0], "9.4", "gem")


def test_files_that_cannot_be_read_cost_only_themselves() -> None:
    bad = {"gems/a/1.yml": "a: [", "gems/a/2.yml": "title: x", "gems/a/3.yml": 'gem: a\npatched_versions: ["~~ 1"]'}
    records, problems = read(FEED, tar_document(URL, {**bad, PLACE: ENTRY, "x/lib/y.yml": "a: 1"}))
    assert len(records) == 1
    assert [place for place, _ in problems] == list(bad)
    check_damaged_document(FEED, GOOD)


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


@given(damaged(ENTRY.encode()))
def test_any_yaml_is_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, tar_document(URL, {PLACE: data}).data)


def test_every_file_of_the_real_archive_is_an_advisory() -> None:
    found = real(FEED, *PATH)
    assert len(found) == manifest_count(*PATH)
    assert {each.namespace for one in found.values() for each in one.affected} == {"gem", "generic"}
    # 81 files have neither patched nor unaffected versions.
    every = [one for one in found.values() if one.affected[0].ranges and not one.affected[0].ranges[0].high]
    assert sum(1 for one in every if not one.affected[0].ranges[0].low) == 81


ASK = r"""
require "rubygems/package"
require "yaml"
require "zlib"
archive = Gem::Package::TarReader.new(Zlib::GzipReader.open(ARGV[0]))
archive.each do |file|
  next unless file.full_name =~ %r{/((gems|rubies)/.*)\.yml$}
  name = $1
  entry = YAML.safe_load(file.read, permitted_classes: [Date])
  listed = (entry["patched_versions"] || []) + (entry["unaffected_versions"] || [])
  safe = listed.map { |each| Gem::Requirement.new(*each.split(",").map(&:strip)) }
  versions = safe.flat_map { |each| each.requirements.map { |_, version| version } }.uniq
  versions += versions.map(&:bump) + versions.map { |each| Gem::Version.new("#{each}.1") } + [Gem::Version.new("0")]
  versions.each { |each| puts [name, each, safe.none? { |one| one.satisfied_by?(each) }].join("\t") }
end
"""


@pytest.mark.skipif(shutil.which("ruby") is None, reason="there is no ruby")
def test_ruby_finds_the_same_versions_affected() -> None:
    path = document(*PATH).path
    asked = subprocess.run(["ruby", "-rdate", "-e", ASK, path], capture_output=True, text=True, check=True, timeout=60)
    found = real(FEED, *PATH)
    wrong = []
    for line in asked.stdout.splitlines():
        name, version, is_affected = line.split("\t")
        held = any(contains(span, version, "gem") for span in found[name].affected[0].ranges)
        if held != (is_affected == "true"):
            wrong.append((name, version, is_affected))
    assert wrong == []
    assert len(asked.stdout.splitlines()) > 5000
