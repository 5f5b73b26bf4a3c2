"""What a plan declares about itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.document import metadata
from plans.document.metadata import Declared


@pytest.mark.parametrize(
    ("line", "declared"),
    [
        ("*Version 1.0 - 2025-05-25 - Progression globale : 5%*\n", Declared("1.0", "2025-05-25", "", "5")),
        (
            "**Version 2.6 - 2025-06-13 - Progression globale : 100% ✅ PROJET FINALISÉ**",
            Declared("2.6", "2025-06-13", "", "100"),
        ),
        ("*Version 1.0 - 2025-05-28 - Progression globale : 0 / 9*", Declared("1.0", "2025-05-28", "", "0")),
        ("*Version 1.0 - {{CURRENT_DATE}} - Progression globale : 0%*", Declared("1.0", "", "", "0")),
        ("*Version 2025-05-20*", Declared("2025-05-20")),
        ("*Version 1.4 - 29 Mai 2025 - Progression globale : 85%*", Declared("1.4", "2025-05-29", "", "85")),
        ("Version 1.0 - 2025-06-13 - Progression globale : 0%", Declared("1.0", "2025-06-13", "", "0")),
        ("> **Version** : v113b  \r\n", Declared("v113b")),
        ("**Version:** v1.0.0-production", Declared("v1.0.0-production")),
        ("**Date :** 5 juin 2025", Declared("", "2025-06-05")),
        ("- **Date**: 15/06/2025", Declared("", "2025-06-15")),
        (
            "*Version 1.1 - 2025-06-05 - Progression globale : 58%* de développement v42 - X",
            Declared("1.1", "2025-06-05", "", "58"),
        ),
    ],
)
def test_a_version_line_is_read(line: str, declared: Declared) -> None:
    assert metadata.read_version_line(line) == declared


@pytest.mark.parametrize(
    ("line", "declared"),
    [
        ("*Progression: 100%*", Declared(progress="100")),
        ("**Progression**: 25% - *En cours*", Declared(progress="25")),
        ("✅ **Progression: 90% COMPLETE** *(22/22 tests)*", Declared(progress="90")),
        ("**✅ Progression: 7,50 % COMPLETE**", Declared(progress="7.5")),
        ("- Progression globale: 0%", Declared(progress="0")),
        ("*Progression : 3 / 9*", Declared(progress="33.33")),
        ("**Statut global**: En cours - 70%", Declared(status="in_progress", progress="70")),
        ("- **État actuel** : Terminée", Declared(status="done")),
        ("- **Statut** : Non commencÃ©", Declared(status="todo")),
        ("- **Statut global** : [7.5/10] - 75% complété", Declared(progress="75")),
    ],
)
def test_a_progress_or_status_line_is_read(line: str, declared: Declared) -> None:
    assert metadata.read_progress_line(line) == declared


@pytest.mark.parametrize(
    "line",
    [
        "Version améliorée avec une interface",
        "Versionning git",
        "- Version Qdrant homogène",
        "**Version :** vX.X",
        "Progress Visualization: Clear visual indicators",
        "**Progression Phase 2: +11% (25% → 36%)**",
        "*Progression: 85% → 100%*",
        "*Progression: 120%*",
        "**Progression globale**: [Pourcentage]",
        "*Progression : 3 / 0*",
        "couverture > 85 %",
        "**Date de début prévue**: 09/07/2025",
        "*Date: 2025-02-30*",
        "- Status should reflect the state",
    ],
)
def test_prose_declares_nothing(line: str) -> None:
    assert metadata.read_version_line(line) is None
    assert metadata.read_progress_line(line) is None


@pytest.mark.parametrize(
    ("line", "field", "value", "written"),
    [
        ("*Progression : 5%*\n", "progress", "45", "*Progression : 45%*\n"),
        ("*Progression : 7,5 %*", "progress", "12.25", "*Progression : 12,25 %*"),
        (
            "*Version 1.0 - 2025-05-28 - Progression globale : 0 / 9*",
            "progress",
            "33.33",
            "*Version 1.0 - 2025-05-28 - Progression globale : 3 / 9*",
        ),
        ("*Version 1.0 - 2025-05-28*", "version", "2.0", "*Version 2.0 - 2025-05-28*"),
        ("*Version 1.0 - 2025-05-28*", "date", "2025-06-01", "*Version 1.0 - 2025-06-01*"),
        ("**Date :** 5 juin 2025", "date", "2025-08-01", "**Date :** 1 août 2025"),
        ("**Date :** 5 June 2025", "date", "2025-08-01", "**Date :** 1 august 2025"),
        ("- **Date**: 15/06/2025", "date", "2025-08-01", "- **Date**: 01/08/2025"),
        ("**Statut global**: En cours - 70%", "status", "done", "**Statut global**: Terminé - 70%"),
        ("**Statut global**: En cours - 70%", "progress", "80", "**Statut global**: En cours - 80%"),
        ("**Status**: In Progress", "status", "blocked", "**Status**: Blocked"),
    ],
)
def test_a_declared_value_is_written_as_the_line_writes_it(
    line: str, field: str, value: str, written: str
) -> None:
    assert metadata.write_declared(line, field, value) == written
    found = metadata.read_version_line(written) or metadata.read_progress_line(written)
    assert found is not None
    assert getattr(found, field) == value


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("*Version 1.0*", "date", "2025-01-01"),
        ("*Progression : 5%*", "progress", ""),
        ("*Progression : 5%*", "status", "done"),
        ("prose", "progress", "5"),
        ("*Version 1.0 - 2025-05-28*", "date", "soon"),
    ],
)
def test_a_line_that_does_not_hold_the_value_is_not_written(line: str, field: str, value: str) -> None:
    assert metadata.write_declared(line, field, value) is None


FRONT = [
    "---\n",
    'title: "Plan: a \\"b\\""\n',
    'version: "v72.1"\n',
    "date: '2025-01-07' # made\n",
    "status: EN_COURS\n",
    "progress: 45 %\n",
    "version: 9\n",
    "---\n",
    "# x\n",
]


def test_front_matter_is_read() -> None:
    end = metadata.front_matter_end(FRONT)
    assert end == 8
    assert metadata.read_front_matter(FRONT, end) == Declared("v72.1", "2025-01-07", "in_progress", "45")


@pytest.mark.parametrize(
    ("line", "field", "value", "written"),
    [
        ('version: "v72.1"\n', "version", "v73", 'version: "v73"\n'),
        ("date: '2025-01-07' # made\n", "date", "2025-02-01", "date: '2025-02-01' # made\n"),
        ("status: EN_COURS\n", "status", "done", "status: TERMINÉ\n"),
        ("progress: 45 %\n", "progress", "50", "progress: 50 %\n"),
    ],
)
def test_front_matter_is_written_with_its_quotes(line: str, field: str, value: str, written: str) -> None:
    assert metadata.write_front_matter(line, field, value) == written


@pytest.mark.parametrize("lines", [[], ["---\n"], ["---\n", "a: b\n"], ["# x\n", "---\n", "---\n"]])
def test_without_two_fences_there_is_no_front_matter(lines: list[str]) -> None:
    assert metadata.front_matter_end(lines) == 0


def test_front_matter_may_follow_a_byte_order_mark() -> None:
    assert metadata.front_matter_end(["\ufeff---\r\n", "a: b\r\n", "...\r\n"]) == 3


@pytest.mark.parametrize(
    "lines",
    [
        ["---\n", "- [ ] a\n", "---\n"],
        ["---\n", "title: a\n", "  - [x] b\n", "---\n"],
        ["---\n", "Some words.\n", "---\n"],
        ["---\n", "**Version**: 1\n", "---\n"],
        ["---\n", "# Plan\n", "\n", "---\n"],
        ["---\n", *["a: b\n"] * 400, "---\n"],
    ],
)
def test_a_rule_at_the_top_of_a_plan_is_no_front_matter(lines: list[str]) -> None:
    assert metadata.front_matter_end(lines) == 0


def test_front_matter_may_hold_lists_comments_blocks_and_quoted_keys() -> None:
    lines = [
        "---",
        "# made",
        "tags:",
        "- a",
        "  - b",
        "",
        "text: |",
        "  - free",
        "'a b': c",
        '"d": [',
        "  e",
        "]",
        "---",
    ]
    assert metadata.front_matter_end(lines) == len(lines)


PIECES = st.lists(
    st.sampled_from(
        [
            "Version",
            " ",
            "1.0",
            "-",
            "*",
            "**",
            ":",
            "Progression",
            "globale",
            "5%",
            "0 / 9",
            "2025-05-28",
            "Statut",
            "En cours",
            "[",
            "]",
            "→",
            "\u00a0",
            "✅",
            "a",
            "\r\n",
            "> ",
            "Date",
            "12 août 2025",
            "100",
            "é",
        ]
    ),
    max_size=10,
).map("".join)


@given(PIECES, st.sampled_from(["version", "date", "progress", "status"]), st.data())
@settings(deadline=None, max_examples=300)
def test_any_line_is_read_and_keeps_what_an_edit_does_not_concern(
    line: str, field: str, data: st.DataObject
) -> None:
    values = {"version": "3.1", "date": "2024-02-29", "progress": "50", "status": "done"}
    before = metadata.read_version_line(line) or metadata.read_progress_line(line)
    written = metadata.write_declared(line, field, values[field])
    if written is None:
        assert before is None or not getattr(before, field) or field in ("version", "status", "progress")
        return
    head = next((i for i, (a, b) in enumerate(zip(line, written, strict=False)) if a != b), len(written))
    assert line[:head] == written[:head]
    metadata.front_matter_part(line)
