"""Fixes: minimal, and settled after one go."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given, settings

from plans.document import parse, text
from plans.rules import Finding, Fix, Level, Severity, Splice, apply, check, fix_all
from tests.corpus import corpus_files
from tests.plans.rules.plans_at_random import ENDS, LINES, plans


@settings(max_examples=60, deadline=None)
@given(plans())
def test_after_fixing_all_nothing_fixable_is_found_and_a_second_go_changes_nothing(data: bytes) -> None:
    fixed = fix_all(data, unsafe=True)
    assert not [finding for finding in fixed.result.findings if finding.fixable]
    assert fix_all(fixed.data, unsafe=True).data == fixed.data
    assert (fixed.data == data) is (not fixed.applied)


@settings(max_examples=60, deadline=None)
@given(plans())
def test_safe_fixes_leave_what_the_plan_says_as_it_is(data: bytes) -> None:
    fixed = fix_all(data)
    assert parse(fixed.data).outline.same_shape(parse(data).outline)
    assert not [finding for finding in fixed.result.findings if finding.fix and finding.fix.safe]


@settings(max_examples=60, deadline=None)
@given(plans())
def test_a_fix_changes_the_lines_that_it_names_and_no_other_byte(data: bytes) -> None:
    encoding, whole = text.decode(data)
    lines = text.split_lines(whole)
    for finding in check(data).findings:
        if finding.fix is not None:
            expected, done = [], 0
            for start, end, new in finding.fix.splices:
                expected += [*lines[done:start], *new]
                done = end
            expected += lines[done:]
            mended = apply(data, [finding], unsafe=True)
            assert mended == text.encode("".join(expected), encoding)
            assert mended != data


def found(*splices: Splice) -> Finding:
    fix = Fix("Mend it", splices, safe=True)
    return Finding("rule", Level.SCHEMA, Severity.INFO, "message", 1, 0, 1, 0, fix)


def test_of_two_fixes_of_one_line_the_first_is_made_and_the_other_waits() -> None:
    first, second = found(Splice(0, 1, ("A\n",))), found(Splice(0, 1, ("B\n",)), Splice(1, 2, ("C\n",)))
    assert apply(b"a\nb\n", [first, second]) == b"A\nb\n"


def test_lines_are_put_in_and_taken_away() -> None:
    assert apply(b"a\nb\n", [found(Splice(1, 1, ("new\n",)))]) == b"a\nnew\nb\n"
    assert apply(b"a\nb\n", [found(Splice(0, 1, ()))]) == b"b\n"


def test_unsafe_fixes_are_made_only_when_asked_for() -> None:
    data = b"# Plan\n\n- [ ]tight"
    assert apply(data, check(data).findings) == b"# Plan\n\n- [ ]tight\n"
    assert fix_all(data, unsafe=True).data == b"# Plan\n\n- [ ] tight\n"


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        ("*Version 1.0 - 2026-03-02 - Progress: 90%*", "*Version 1.0 - 2026-03-02 - Progress: 33%*"),
        ("*Progression globale : 2 / 3*", "*Progression globale : 1 / 3*"),
        ("**Progress**: 90,5 %", "**Progress**: 33 %"),
    ],
)
def test_a_wrong_progress_is_mended_in_the_way_it_is_written(line: str, mended: str) -> None:
    plan = "# Plan\n\n{}\n\n- [x] Sand\n- [ ] Prime\n- [ ] Paint\n"
    fixed = fix_all(plan.format(line).encode(), unsafe=True)
    assert fixed.data.decode() == plan.format(mended)


def test_broken_fences_are_mended_together_for_one_alone_would_change_what_the_others_close() -> None:
    fences = "```plaintext\n" * 5
    data = f"```\n  - [ ] **1.1.1** Prime\n{fences}☐ box\n✅ box\n".encode()
    broken = [finding for finding in check(data).findings if finding.rule == "fence-broken"]
    assert len(broken) > 1
    for finding in broken:
        mended = apply(data, [finding], unsafe=True)
        assert mended.count(b"plaintext") == 5 - len(broken)
        assert parse(mended).outline.same_shape(parse(data).outline) is (
            finding.fix is not None and finding.fix.safe
        )


def test_utf_16_stays_utf_16() -> None:
    plan = "\ufeff# Plan\r\n\r\n- [ ]tight\r\n"
    fixed = fix_all(plan.encode("utf-16-le"), unsafe=True)
    assert fixed.data == plan.replace("]tight", "] tight").encode("utf-16-le")


@pytest.mark.soak
def test_fixing_settles_in_every_file_of_the_corpus_and_in_a_long_campaign() -> None:
    """Seeded; SOAK_CAMPAIGNS says how many, SOAK_SEED where to begin, and a failure names its seed."""
    for path in corpus_files():
        _settles(path.read_bytes(), str(path))
    first = int(os.environ.get("SOAK_SEED", "0"))
    for seed in range(first, first + int(os.environ.get("SOAK_CAMPAIGNS", "3000"))):
        chance = random.Random(seed)
        lines = (chance.choice(LINES) + chance.choice(ENDS) for _ in range(chance.randrange(120)))
        _settles("".join(lines).encode("utf-8", "surrogateescape"), f"SOAK_SEED={seed}")


def _settles(data: bytes, name: str) -> None:
    fixed = fix_all(data, unsafe=True)
    assert not [finding for finding in fixed.result.findings if finding.fixable], name
    assert fix_all(fixed.data, unsafe=True).data == fixed.data, name
    assert parse(fix_all(data).data).outline.same_shape(parse(data).outline), name
