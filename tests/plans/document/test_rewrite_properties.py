"""What holds for a rewrite of any file to any outline."""

from __future__ import annotations

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from plans.document import DEFAULT_DIALECT, Dialect, Document, parse
from plans.document.rewrite import rewrite
from plans.outline import Kind, Status
from tests.plans.document.promises import kept_promises
from tests.plans.document.random_edits import EDITS, edited, walked, with_fields

NASTY = st.lists(
    st.sampled_from(
        [
            "# T",
            "## A",
            "## [ ] 1. B",
            "### Phase 2 : C ##",
            "###### F",
            "T",
            "===",
            "---",
            "- [ ] a",
            "- [x] **1.2** b (P1) #x",
            "* [X] c #priority:high",
            "+ [~] d",
            "1. [ ] e",
            "12) [ ] f",
            "- - [ ] g",
            "  - [ ] h",
            "    - [ ] i",
            "\t- [ ] j",
            "   1. [ ] k",
            "> - [ ] l",
            ">   - [ ] m",
            "-",
            "  [ ] n",
            "- [ ] ",
            "☐ o",
            "✅ p",
            "- ☑ q",
            "â˜\x90 r",
            "- plain",
            "  text",
            "    code",
            "lazy",
            "  > quote",
            "  - **Dépendances** : 1.2.",
            "```",
            "  ```",
            "```plaintext",
            "~~~",
            "<!--",
            "-->",
            "<div>",
            "| a | b |",
            "|---|---|",
            "*Version 1.0 - 2025-05-28 - Progression globale : 0 / 9*",
            "*Progression: 5%*",
            "version: 2",
            "\ufeff",
            "\0",
            "",
        ]
    ),
    max_size=14,
)
ENDS = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"])
SEEDS = st.integers(0, 2**32)


@st.composite
def nasty_files(draw: st.DrawFn) -> bytes:
    """Lines that make trouble beside one another, ended in different ways."""
    lines = draw(NASTY)
    text = "".join(line + draw(ENDS) for line in lines)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-16"])))


@st.composite
def plain_files(draw: st.DrawFn) -> bytes:
    """Plans as people write them, in one of many dialects, without code that has no end."""
    chance = draw(st.randoms(use_true_random=False))
    bullet = chance.choice(["-", "*", "+", "-   "]) + " "
    step = chance.choice([len(bullet), len(bullet), 4 if len(bullet) == 2 else len(bullet)])
    bold = chance.choice(["**{}** {}", "{} {}", "**{}**: {}"])
    between = chance.choice(["", "", "\n"])
    end = chance.choice(["\n", "\n", "\r\n"])
    out = ["# Plan", "", "*Version 1.0 - 2025-05-28 - Progression globale : 5%*", ""]
    for section in range(1, chance.randrange(2, 4)):
        level = 2 if section == 1 else chance.choice([2, 3])
        out += ["#" * level + f" {section}. Section", "", "*Progression: 0%*", ""]
        if chance.random() < 0.3:
            out += ["```bash", "- [ ] not a task", "```", ""]
        depth = 0
        for number in range(chance.randrange(4)):
            depth = min(chance.randrange(depth + 2), 3) if number else 0
            margin = " " * (step * depth)
            words = bold.format(f"{section}.{number + 1}", f"Tâche {chance.randrange(99)}")
            tail = chance.choice(["", "", " #priority:high", " (2h)", "  "])
            out += [f"{margin}{bullet}[{chance.choice('  x')}] {words}{tail}"]
            if chance.random() < 0.3:
                out += [margin + " " * len(bullet) + line for line in ("> note", "> encore")]
            out += between.split("\n")[:-1]
        out += [""]
    return end.join(out).encode()


def keyed(data: bytes, dialect: Dialect = DEFAULT_DIALECT) -> Document:
    document = parse(data, dialect)
    return document.rekeyed([f"k{number}" for number in range(len(document.outline.items))])


@given(nasty_files(), SEEDS, st.integers(1, 6))
@settings(deadline=None, max_examples=300)
def test_promises_are_kept_for_any_file_and_any_edits(data: bytes, seed: int, steps: int) -> None:
    document = keyed(data)
    kept_promises(document, walked(document.outline, random.Random(seed), steps))


@given(nasty_files(), nasty_files())
@settings(deadline=None, max_examples=80)
def test_promises_are_kept_between_unrelated_outlines(data: bytes, other: bytes) -> None:
    document = keyed(data)
    kept_promises(document, parse(other).outline)


@given(nasty_files())
@settings(deadline=None)
def test_rewriting_to_what_a_file_says_changes_nothing(data: bytes) -> None:
    document = keyed(data)
    assert rewrite(document, document.outline).document is document


@given(plain_files(), st.sampled_from([kind for kind in EDITS if kind != "move phase"]), SEEDS)
@settings(deadline=None, max_examples=400)
def test_in_a_plain_file_every_plain_edit_can_be_said(data: bytes, kind: str, seed: int) -> None:
    document = keyed(data)
    target = edited(document.outline, kind, random.Random(seed))
    if target is not None:
        assert kept_promises(document, target).left == ()


@given(plain_files(), SEEDS, st.integers(2, 8))
@settings(deadline=None, max_examples=150)
def test_in_a_plain_file_many_edits_at_once_can_be_said(data: bytes, seed: int, steps: int) -> None:
    document = keyed(data)
    target = walked(document.outline, random.Random(seed), steps)
    deepest = max((len(list(target.subtree(item.key))) for item in target.phases()), default=0)
    left = kept_promises(document, target).left
    assert not left or deepest > 4, "only deep sections run out of heading levels"


@given(plain_files(), SEEDS)
@settings(deadline=None)
@example("☐ a\n☐ b\n".encode(), 1)
@example("* [ ] a\r\n".encode("utf-16"), 1)
def test_ticking_and_unticking_restores_the_bytes_of_any_plain_file(data: bytes, seed: int) -> None:
    document = keyed(data)
    tasks = [item for item in document.outline.items if item.kind is Kind.TASK and item.status == Status.TODO]
    if tasks:
        task = random.Random(seed).choice(tasks)
        ticked = rewrite(document, with_fields(document.outline, task.key, status=Status.DONE))
        assert ticked.left == ()
        assert rewrite(ticked.document, document.outline).document.data == data
