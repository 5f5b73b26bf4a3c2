"""Real plans: each file of the corpus, all versions included."""

from __future__ import annotations

from pathlib import Path

import pytest

from plans.document import parse, render
from plans.document.metadata import front_matter_end
from plans.document.text import decode, split_lines
from plans.outline import Kind, arrange
from tests.corpus import corpus_files, require_corpus
from tests.plans.document import reference
from tests.plans.document.test_blocks import GFM, headings_of, tasks_of


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.soak)])
def test_a_real_plan_has_the_tasks_that_the_reference_finds(step: int) -> None:
    """On every third file, for time: most are versions of one another."""
    differing: list[str] = []
    for path in corpus_files()[::step]:
        data = path.read_bytes()
        expected = reference.read_once(path)
        found = parse(data, GFM)
        front_matter = front_matter_end(split_lines(decode(data)[1]))
        headings = {heading for heading in headings_of(found) if heading[0] > front_matter}
        if tasks_of(found) != sorted(expected.tasks) or not headings <= expected.headings:
            differing.append(str(path))
    assert differing == []


def test_every_real_plan_comes_back_byte_for_byte_and_keeps_the_rules_of_outlines() -> None:
    for path in corpus_files():
        data = path.read_bytes()
        document = parse(data, name=path.name)
        assert render(document) == data, path
        outline = document.outline
        assert arrange(outline.plan, outline.by_key, outline.children) == outline, path
        assert len(document.spots) == len(outline.items)
        for spot in document.spots:
            assert 0 <= spot.line <= spot.text_line < spot.own_end <= spot.end <= len(document.lines), (
                path,
                spot,
            )


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.soak)])
def test_every_gfm_task_of_a_real_plan_is_found_in_the_default_dialect(step: int) -> None:
    for path in corpus_files()[::step]:
        data = path.read_bytes()
        document = parse(data)
        lines = {task.line for task in tasks_of(document)}
        assert {task.line for task in reference.read_once(path).tasks} <= lines, path


BROKEN = (
    ("dev/plans/plan-dev-v55-planning-ecosystem-sync.md", 0, 232),
    ("dev/plans/plan-dev-v33-mcp-manager.md", 0, 333),
)


@pytest.mark.parametrize(("name", "by_gfm", "with_mended_fences"), BROKEN)
def test_a_broken_fence_gives_its_tasks_back(name: str, by_gfm: int, with_mended_fences: int) -> None:
    path: Path = require_corpus() / name
    data = path.read_bytes()
    assert len(list(parse(data, GFM).outline.tasks())) == by_gfm
    document = parse(data)
    assert len(list(document.outline.tasks())) == with_mended_fences
    assert any(finding.code == "broken-fence" for finding in document.findings)


def test_a_garbled_plan_of_ballot_lines_is_read() -> None:
    seeds = require_corpus().parent / "seeds"
    (path,) = seeds.glob("003_*")
    data = path.read_bytes()
    assert len(list(parse(data, GFM).outline.tasks())) == 58
    document = parse(data)
    opened = [
        spot
        for spot, item in zip(document.spots, document.outline.items, strict=True)
        if item.kind is Kind.TASK and document.lines[spot.text_line].startswith("â˜", spot.box)
    ]
    assert len(opened) == 78
    assert not document.hidden
