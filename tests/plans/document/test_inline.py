"""The grammar inside a line, and its spelling."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.document.inline import match_ref, read_dependencies, read_heading, read_task
from plans.document.spelling import STANDARD, learn_habits, write_heading, write_task
from plans.outline import Value
from tests.growth import is_linear

REFS = [
    ("**1.1.2** Concevoir", "1.1.2", "Concevoir"),
    ("**1.1.2.** Concevoir", "1.1.2", "Concevoir"),
    ("**1.2**: Concevoir", "1.2", "Concevoir"),
    ("**1.2:** Concevoir", "1.2", "Concevoir"),
    ("**96** *Tags**", "96", "*Tags**"),
    ("1.1.2 Concevoir", "1.1.2", "Concevoir"),
    ("7.3. Concevoir", "7.3", "Concevoir"),
    ("4. Concevoir", "4", "Concevoir"),
    ("**8.1 Deux mots** : reste", "8.1", "**Deux mots** : reste"),
    ("Micro-étape 1.2.2 : Créer", "Micro-étape 1.2.2", "Créer"),
    ("Micro-Ã©tape 1.2.2: CrÃ©er", "Micro-Ã©tape 1.2.2", "CrÃ©er"),
    ("**Sous-tâche 2.3**: Créer (beta)", "Sous-tâche 2.3", "Créer (beta)"),
    ("**Pico-tâche 1.3.3** : Créer", "Pico-tâche 1.3.3", "Créer"),
    ("PHASE 4 — Documentation", "PHASE 4", "Documentation"),
    ("**🎯 Action Atomique 046**: Tester", "Action Atomique 046", "🎯 Tester"),
    ("**task-001** Tester", "task-001", "Tester"),
    ("task-001 Tester", "task-001", "Tester"),
    ("**J41** : Tester", "J41", "Tester"),
    ("**P.1** Tester", "P.1", "Tester"),
    ("**{PHASE_NUMBER}.1.1** Tester", "{PHASE_NUMBER}.1.1", "Tester"),
    ("✅ **COMPLETE** - Micro-étape 8.2.1.3: Tester", "Micro-étape 8.2.1.3", "✅ **COMPLETE** - Tester"),
    ("**1.2**", "1.2", ""),
]

NOT_REFS = [
    "554 tests automatisés",
    "0 tests flaky",
    "10x plus vite",
    "99.9% de disponibilité",
    "**2 semaines** de travail",
    "**22+ Managers Intégrés**",
    "1.21gigawatts",
    "Phase 1 de la migration",
    "Section 4 du document",
    "Vérifier les imports",
    "",
]


@pytest.mark.parametrize(("content", "ref", "text"), REFS)
def test_a_ref_is_read_apart_from_the_text(content: str, ref: str, text: str) -> None:
    assert read_task(content)[:2] == (ref, text)
    assert read_heading(content) == (ref, text)


@pytest.mark.parametrize("content", NOT_REFS)
def test_a_number_at_the_start_is_not_always_a_ref(content: str) -> None:
    assert read_task(content)[:2] == ("", content)


ANNOTATED = [
    ("Do #priority:high", {"priority": "high"}),
    ("Do #priority:P0", {"priority": "critical"}),
    ("Do #priority:Haute", {"priority": "high"}),
    ("Do (P4)", {"priority": "lowest"}),
    ("#priority:low Do", {"priority": "low"}),
    ("Do #duration:3d", {"estimate": "3d"}),
    ("Do #duration(2 jours)", {"estimate": "2 jours"}),
    ("Do #temps:3h30m", {"estimate": "3h30m"}),
    ("Do (0.5h)", {"estimate": "0.5h"}),
    ("Do (5-7 jours)", {"estimate": "5-7 jours"}),
    ("Do #assigned:john.doe", {"assignee": "john.doe"}),
    ("Do #due:2025-06-30", {"due": "2025-06-30"}),
    ("Do #tags:a,b #c", {"tags": ("a", "b", "c")}),
    ("Do (P0) #MVP", {"priority": "critical", "tags": ("MVP",)}),
    ("Do #depends:1.2,1.3", {"depends_on": ("1.2", "1.3")}),
]


@pytest.mark.parametrize(("content", "fields"), ANNOTATED)
def test_annotations_are_fields_and_not_text(content: str, fields: dict[str, Value]) -> None:
    found = read_task(content)
    assert found.text == "Do"
    assert {name: value for name, value in found._asdict().items() if value and name != "text"} == fields


@pytest.mark.parametrize(
    "content",
    [
        "Do `#priority:high` and `x (2h)`",
        "Do it in C# or #42",
        "Use #Requires -Version 5.1",
        "Ask @alice about `npx -y @notionhq/x`",
        "Do it (2h) then rest",
        "Couverture (85 %)",
        "See (P5)",
        "(P0)",
        "(2h)",
        "#MVP",
    ],
)
def test_what_only_looks_like_an_annotation_stays_text(content: str) -> None:
    found = read_task(content)
    assert found.text == content
    assert not any(found[2:])


@pytest.mark.parametrize(
    "content", ["Do #priority:soon", "Do #due:2025-02-30", "Do #priority:high #priority:low"]
)
def test_an_annotation_that_means_nothing_stays_text_and_is_reported(content: str) -> None:
    found = read_task(content)
    assert found.unread == (content.rsplit(maxsplit=1)[-1],)
    assert found.text.endswith(content.rsplit(maxsplit=1)[-1])


def test_text_around_an_annotation_closes_up() -> None:
    assert read_task("Do this #priority:high and that").text == "Do this and that"


@pytest.mark.parametrize(
    ("content", "ref", "text"),
    [
        (" 4️⃣ Managers Natifs", "4️⃣", "Managers Natifs"),
        (" 1.1.1. Étape 1.1 : Audit ##", "1.1.1", "Étape 1.1 : Audit"),
        (" Semaine 1-2 : Setup", "Semaine 1-2", "Setup"),
        (" 🔗 **Phase 2 : Intégration**", "Phase 2", "🔗 **Intégration**"),
        (" **📋 Étape 1.1 : Base** *(2h)*", "Étape 1.1", "**📋 Base** *(2h)*"),
        (" Micro-étape 1.1.2.1 ✅ - Scripts", "Micro-étape 1.1.2.1", "✅ - Scripts"),
        (" 🎯 Phase 5", "Phase 5", "🎯 "),
        (" C#", "", "C#"),
        (" Titre ## ", "", "Titre"),
        (" ##", "", ""),
    ],
)
def test_headings_have_refs_too(content: str, ref: str, text: str) -> None:
    assert read_heading(content) == (ref, text.strip(" "))


@pytest.mark.parametrize(
    ("line", "refs"),
    [
        ("  > **Dépendances**: task-456, task-789\n", ("task-456", "task-789")),
        ("  - **Dépendances** : 2.2.1.\n", ("2.2.1",)),
        ("  - **Dépendances** : Aucune\r\n", ()),
        ("    - Depends on: 1.2, **1.3**", ("1.2", "1.3")),
    ],
)
def test_a_dependency_line_lists_refs(line: str, refs: tuple[str, ...]) -> None:
    found = read_dependencies(line)
    assert found is not None
    assert found.refs == refs


@pytest.mark.parametrize("line", ["- Dépendances : voir plus bas", "Les dépendances: 1.2", "- x"])
def test_prose_about_dependencies_lists_none(line: str) -> None:
    assert read_dependencies(line) is None


# ----------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize(
    ("content", "changes", "written"),
    [
        ("Do", {"priority": "high"}, "Do #priority:high"),
        ("Do (P1)", {"priority": "critical"}, "Do (P0)"),
        ("Do #priority:HAUTE x", {"priority": "low"}, "Do #priority:BASSE x"),
        ("Do #priority:high x", {"priority": ""}, "Do x"),
        ("Do #duration(2h) x", {"estimate": "3d"}, "Do #duration(3d) x"),
        ("Do (2h)", {"estimate": "3 jours"}, "Do (3 jours)"),
        ("Do (2h)", {"estimate": "a while"}, "Do #duration(a while)"),
        ("Do #assigned:a", {"assignee": "Ann Lee"}, "Do #assigned(Ann Lee)"),
        ("Do #a #b", {"tags": ("b", "c")}, "Do #b #c"),
        ("Do #tags:a,b", {"tags": ("b", "c d")}, "Do #tags(b,c d)"),
        ("Do", {"tags": ("a", "b"), "due": "2025-01-02"}, "Do #tags:a,b #due:2025-01-02"),
        ("**1.2** Do #tags:a", {"text": "Go"}, "**1.2** Go #tags:a"),
        ("Do this #time:2h and that", {"text": "Do this and more"}, "Do this #time:2h and more"),
        ("**1.2** Do", {"ref": "1.3"}, "**1.3** Do"),
        ("7.3. Do", {"ref": "7.4"}, "7.4. Do"),
        ("Étape 1 : Do", {"ref": "Étape 2"}, "Étape 2 : Do"),
        ("**1.2 Do** it", {"ref": "1.3", "text": "**Go** on"}, "**1.3 Go** on"),
        ("**1.2 Do** it", {"text": "Go"}, "1.2 Go"),
        ("**1.2** Do", {"ref": ""}, "Do"),
        ("Do", {"ref": "1.2"}, "**1.2** Do"),
        ("**🎯 Étape 1**: Do", {"text": "🎯 Go"}, "**🎯 Étape 1**: Go"),
    ],
)
def test_an_edit_keeps_the_spelling_of_the_line(
    content: str, changes: dict[str, Value], written: str
) -> None:
    assert write_task(content, changes) == written


@pytest.mark.parametrize(
    ("content", "changes"),
    [
        ("Do", {"text": "Go #priority:high"}),
        ("Do", {"text": "1.2 Go"}),
        ("Do", {"text": " Go"}),
        ("Do", {"text": "Go (2h)"}),
        ("Do", {"priority": "soon"}),
        ("Do", {"due": "tomorrow"}),
        ("Do", {"tags": ("a,b",)}),
        ("Do", {"assignee": "x) y"}),
        ("Do", {"ref": "not a ref"}),
    ],
)
def test_what_would_be_read_otherwise_is_not_written(content: str, changes: dict[str, Value]) -> None:
    assert write_task(content, changes) is None


def test_new_annotations_are_spelled_as_elsewhere_in_the_file() -> None:
    habits = learn_habits(["Étape 1.1 : A (P1) (2h) #MVP", "Étape 1.2 : B #owner(x)"])
    changes: dict[str, Value] = {
        "priority": "low",
        "estimate": "3h",
        "tags": ("x",),
        "assignee": "y",
        "ref": "Étape 1.3",
    }
    assert write_task("C", changes, habits) == "Étape 1.3 : C (P3) (3h) #owner(y) #x"


@pytest.mark.parametrize(
    ("content", "changes", "written"),
    [
        ("1.2 Do ##", {"text": "Go"}, "1.2 Go ##"),
        ("Phase 4: Do", {"ref": "Phase 5"}, "Phase 5: Do"),
        ("### Do", {"ref": "1.2"}, "1.2 ### Do"),
        ("Do", {"ref": "1.2"}, "1.2 Do"),
        ("🔗 **Phase 2 : Do**", {"text": "🔗 **Go**"}, "🔗 **Phase 2 : Go**"),
    ],
)
def test_a_heading_keeps_its_spelling(content: str, changes: dict[str, Value], written: str) -> None:
    assert write_heading(content, changes) == written


WORDS = st.lists(
    st.sampled_from(
        [
            "a",
            "mot",
            "**1.2**",
            "1.2",
            "1.",
            "Phase",
            "3",
            ":",
            "-",
            "(2h)",
            "(P1)",
            "#x",
            "#tags:a,b",
            "#tags(c)",
            "#priority:high",
            "#due:2025-01-02",
            "`c`",
            "`",
            "**",
            "🎯",
            "#priority:no",
            "#depends:1.2",
            "task-1",
            "✅",
            "É",
            "Étape",
            "1.1",
        ]
    ),
    max_size=8,
).map(" ".join)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "text": WORDS,
        "ref": st.sampled_from(["", "1", "1.2", "Phase 1", "task-7", "no"]),
        "priority": st.sampled_from(["", "critical", "low", "odd"]),
        "assignee": st.sampled_from(["", "bob", "Ann Lee", "x)"]),
        "due": st.sampled_from(["", "2025-01-02", "soon"]),
        "tags": st.lists(st.sampled_from(["a", "b-c", "é", "d e", "f,g"]), unique=True, max_size=3).map(
            tuple
        ),
        "estimate": st.sampled_from(["", "3d", "3 jours", "long"]),
        "depends_on": st.lists(st.sampled_from(["1.2", "task-3"]), unique=True, max_size=2).map(tuple),
    },
)


@given(WORDS, CHANGES)
@settings(deadline=None, max_examples=400)
def test_what_is_written_is_what_is_read(content: str, changes: dict[str, Value]) -> None:
    written = write_task(content.strip(" \t"), changes)
    before = read_task(content)
    if written is not None:
        assert read_task(written)[:-1] == before._replace(**changes)[:-1]  # type: ignore[arg-type]


PLAIN = st.tuples(
    st.sampled_from(["Un", "**1.2** Un", "Étape 1.1 : Un", "7.3. Un", "**Tâche 1.2**: Un"]),
    st.lists(st.sampled_from(["mot", "Étape", "simple", ":", "-", "`code`", "fin.", "(beta)"])),
).map(lambda words: " ".join([words[0], *words[1]]))
SAYABLE = st.fixed_dictionaries(
    {},
    optional={
        "text": st.sampled_from(["Go", "Go (beta)", "✅ **Go** on", "a `#x`"]),
        "ref": st.sampled_from(["1", "1.2", "Phase 1", "task-7", "Micro-étape 1.2"]),
        "priority": st.sampled_from(["", "critical", "low"]),
        "assignee": st.sampled_from(["", "bob", "Ann Lee"]),
        "due": st.sampled_from(["", "2025-01-02"]),
        "tags": st.lists(st.sampled_from(["a", "b-c", "é", "d e"]), unique=True, max_size=3).map(tuple),
        "estimate": st.sampled_from(["", "3d", "3 jours", "long"]),
    },
)


@given(PLAIN, SAYABLE)
@settings(deadline=None)
def test_on_a_plain_line_everything_sayable_is_said(content: str, changes: dict[str, Value]) -> None:
    assert write_task(content, changes) is not None


@given(WORDS)
@settings(deadline=None)
def test_writing_what_stands_there_changes_nothing(content: str) -> None:
    content = content.strip(" \t")
    said = read_task(content)
    unchanged: dict[str, Value] = {"ref": said.ref, "text": said.text}
    assert write_task(content, unchanged) == content
    assert write_heading(content, read_heading(content)._asdict()) == content


@given(st.text())
@settings(deadline=None)
def test_any_text_can_be_read(content: str) -> None:
    read_task(content)
    read_heading(content)
    learn_habits([content])
    read_dependencies(content)


@pytest.mark.parametrize("piece", ["#a ", "(2h) ", "`", "**", "1.", "#tags:a ", "🎯", "(", "Phase 1 : ", " "])
def test_a_very_long_line_is_read_in_linear_time(piece: str) -> None:
    def read(content: str) -> None:
        read_task(content)
        read_task(content + "x")
        read_heading(content)

    assert is_linear(read, lambda n: "x " + piece * n, small=20_000 // len(piece))


PIECES_OF_REFS = st.sampled_from(
    [
        "**",
        "1.2",
        "1.2.",
        "..",
        "12",
        "1234567890",
        ":",
        " : ",
        " ",
        "\xa0",
        "-",
        " – ",
        ")",
        "(",
        "✅",
        "✅ ",
        "é",
        "Phase",
        "Sous-étape",
        "SOUS-TÂCHE",
        "Étape",
        "Ã‰tape",
        "task-",
        "x",
        "Aa",
        "**DONE** ",
        "1️⃣",
        "#tag",
        "P.1",
    ]
)


@given(st.lists(PIECES_OF_REFS, max_size=8).map("".join).map(str.strip))
@settings(deadline=None, max_examples=1000)
def test_the_quick_ways_to_read_a_ref_say_what_its_pattern_says(content: str) -> None:
    found = match_ref(content)
    if found is None:
        expected = ("", content)
    elif found.lead:
        expected = (found.ref, (found.lead + content[found.rest :]).rstrip(" \t"))
    else:
        expected = (found.ref, content[found.rest :])
    assert tuple(read_heading(content, atx=False)) == expected
    if "#" not in content and "(" not in content:
        assert tuple(read_task(content)[:2]) == expected


def test_without_habits_the_declared_standard_is_written() -> None:
    changes: dict[str, Value] = {
        "priority": "high",
        "estimate": "3d",
        "assignee": "name",
        "tags": ("a", "b"),
        "due": "2025-01-02",
    }
    expected = "Do #priority:high #duration:3d #assigned:name #tags:a,b #due:2025-01-02"
    assert write_task("Do", changes, STANDARD) == expected
