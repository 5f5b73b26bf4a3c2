"""`planning-sync validate`: without Django, in every format, and the files that it mends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from django.core.management import call_command, get_commands

import manage
from planning_sync.sync.management.validation import quick
from plans.rules import apply, check
from tests.planning_sync.sync.console import ask, run

ROOT = Path(__file__).resolve().parents[3]
SOUND = "# Plan\n\n*Version 1.0 - 2026-03-02*\n\n- [ ] Sand\n"
ODD = "# Plan\n\n*Version 1.0 - 05/03/2026*\n\n- [x] Hull\n  - [ ] Sand: 50%, or so\n- [ ]tight"
CIRCLE = (
    "# Plan\n\n*Version 1.0 - 2026-03-02*\n\n- [ ] **1.1** A #depends:1.2\n- [ ] **1.2** B #depends:1.1\n"
)


@pytest.fixture
def plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of plans in the current folder, which is the root of a work tree."""
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "plans"
    for name, text in {
        "sound": SOUND,
        "odd": ODD,
        "templates/left-out": CIRCLE,
        "sub/circle": CIRCLE,
    }.items():
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return folder


def rules_of(plan: Any) -> list[str]:
    return [finding["rule"] for finding in plan["findings"]]


# ------------------------------------------------------------------------------------- what is checked


def test_folders_are_taken_as_a_replica_takes_them_and_files_as_they_are(plans: Path) -> None:
    found = ask("validate", "plans", code=4)
    assert [plan["path"] for plan in found] == ["odd.md", "sound.md", "sub/circle.md"]
    assert [plan["valid"] for plan in found] == [True, True, False]
    named = ask("validate", "plans/templates/left-out.md", "plans/sound.md", "plans/sound.md", code=4)
    assert [plan["path"] for plan in named] == ["plans/templates/left-out.md", "plans/sound.md"]


def test_the_current_folder_is_the_default(plans: Path) -> None:
    assert [plan["path"] for plan in ask("validate", code=4)] == [
        "plans/odd.md",
        "plans/sound.md",
        "plans/sub/circle.md",
    ]


def test_exit_codes(plans: Path) -> None:
    assert run("validate", "plans/sound.md").code == 0
    assert run("validate", "plans/odd.md").code == 0
    assert run("validate", "plans/sub").code == 4
    assert run("validate", "plans/odd.md", "--min-score", "99").code == 4
    assert run("validate", "nowhere").code == 2
    assert run("validate", "--rules", "nowhere.yaml").code == 2
    assert run("validate", "--select", "no-such-rule", "plans").code == 2
    assert run("validate", "--format", "poem").code == 2
    assert run("validate", "--min-score", "200").code == 2
    (plans / "binary.md").write_bytes(bytes(range(32)) * 9)
    assert run("validate", "plans/binary.md").code == 1


def test_rules_and_levels_are_selected_and_ignored(plans: Path) -> None:
    (only,) = ask("validate", "plans/odd.md", "--select", "task-box,final-newline")
    assert rules_of(only) == ["final-newline", "task-box"]
    (some,) = ask("validate", "plans/odd.md", "--select", "schema", "--ignore", "task-box")
    assert rules_of(some) == ["final-newline"]
    answer = run("validate", "plans", "--ignore", "task-boxes")
    assert "Did you mean task-box?" in answer.err


def test_the_nearest_file_of_rules_holds(plans: Path) -> None:
    (plans / "validation-rules.yaml").write_text(
        "min_score: 100\nfolders: {sub/*: {dependency-cycle: warning}}\n"
    )
    found = ask("validate", "plans", code=4)
    assert [plan["valid"] for plan in found] == [True, True, True]
    assert "odd.md has the score" in run("validate", "plans").err
    (plans / "sub" / "validation-rules.yaml").write_text("rules: {dependency-cycle: off}\n")
    assert run("validate", "plans/sub").code == 0
    other = plans.parent / "other.yaml"
    other.write_text("rules:\n  no-such: off\n")
    answer = run("validate", "plans", "--rules", "other.yaml")
    assert answer.code == 2
    assert "other.yaml:2:3: There is no 'no-such' here." in answer.err


# ------------------------------------------------------------------------------------- fixes


def test_fix_mends_the_files_and_tells_what_is_left(plans: Path) -> None:
    found = ask("validate", "plans/odd.md", "--fix")
    assert (plans / "odd.md").read_text() == ODD.replace("05/03/2026", "2026-03-05") + "\n"
    assert (found[0]["fixed"], rules_of(found[0])) == (2, ["parent-done", "task-box"])
    ask("validate", "plans/odd.md", "--fix", "--unsafe-fixes")
    assert (plans / "odd.md").read_text().endswith("- [ ] tight\n")
    before = (plans / "odd.md").stat()
    assert run("validate", "plans/odd.md", "--fix").code == 0
    assert (plans / "odd.md").stat().st_mtime_ns == before.st_mtime_ns


def test_diff_shows_the_lines_and_changes_nothing(plans: Path) -> None:
    answer = run("validate", "plans/odd.md", "--diff", "--unsafe-fixes")
    assert "-*Version 1.0 - 05/03/2026*\n+*Version 1.0 - 2026-03-05*\n" in answer.out
    assert "-- [ ]tight\n\\ No newline at end of file\n+- [ ] tight\n" in answer.out
    assert (plans / "odd.md").read_text() == ODD
    assert run("validate", "plans/odd.md", "--diff", "--json").code == 2


def test_standard_input_is_mended_to_standard_output(plans: Path) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "validate", "-", "--stdin-filename", "plans/odd.md"]
    done = subprocess.run([*command, "--fix"], input=ODD.encode(), capture_output=True)
    assert done.stdout.decode() == ODD.replace("05/03/2026", "2026-03-05") + "\n"
    assert "plans/odd.md:7:1: warning task-box" in done.stderr.decode()
    told = subprocess.run([*command, "--json"], input=ODD.encode(), capture_output=True)
    (plan,) = json.loads(told.stdout)
    assert plan["path"] == "plans/odd.md"


# ------------------------------------------------------------------------------------- formats


def test_text_has_the_line_and_a_caret_below_the_place(plans: Path) -> None:
    lines = run("validate", "plans/odd.md").out.splitlines()
    start = next(number for number, line in enumerate(lines) if "parent-done" in line)
    assert lines[start : start + 3] == [
        "plans/odd.md:5:7: warning parent-done: This is done, and 1 of the tasks below it is not",
        "     5 | - [x] Hull",
        "       |       ^^^^",
    ]
    assert lines[-1].startswith("2 can be mended by --fix, 1 more by --fix --unsafe-fixes")


def test_json_has_what_the_specification_promises(plans: Path) -> None:
    (plan,) = ask("validate", "plans/odd.md")
    assert {"path", "score", "valid", "findings"} <= set(plan)
    finding = next(each for each in plan["findings"] if each["rule"] == "task-box")
    assert (finding["level"], finding["severity"], finding["line"], finding["fixable"]) == (
        "schema",
        "warning",
        7,
        True,
    )
    assert finding["fix"] == {"title": "Put a blank after the box", "safe": False}
    assert plan["metrics"]["tasks"] == 2


def test_github_annotates_the_lines(plans: Path) -> None:
    out = run("validate", "plans", "--format", "github").out
    assert (
        "::warning file=plans/odd.md,title=parent-done,line=5,endLine=5,col=7,endColumn=11::This is done"
        in out
    )
    assert "::error file=plans/sub/circle.md,title=dependency-cycle,line=5" in out
    percent = "# Plan\n\n*Version 1.0 - 2026-03-02 - Progress: 90%*\n\n- [ ] a\n- [ ] b\n- [ ] c\n"
    (plans / "odd.md").write_text(percent)
    assert "Declared 90 %25, but" in run("validate", "plans", "--format", "github").out


def test_junit_has_a_failure_for_each_rule_that_a_plan_breaks(plans: Path) -> None:
    suites = ElementTree.fromstring(run("validate", "plans", "--format", "junit").out.encode())
    found = {suite.get("name"): suite for suite in suites}
    assert found["plans/sound.md"].get("failures") == "0"
    failures = [case.get("name") for case in found["plans/sub/circle.md"] if case.find("failure") is not None]
    assert failures == ["dependency-cycle"]


SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "items": {"$ref": "#/$defs/run"}},
    },
    "$defs": {
        "text": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
        "region": {
            "type": "object",
            "required": ["startLine"],
            "additionalProperties": False,
            "properties": {
                name: {"type": "integer", "minimum": 1}
                for name in ("startLine", "endLine", "startColumn", "endColumn")
            },
        },
        "artifact": {"type": "object", "required": ["uri"], "properties": {"uri": {"type": "string"}}},
        "run": {
            "type": "object",
            "required": ["tool", "results"],
            "properties": {
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "tool": {
                    "required": ["driver"],
                    "properties": {
                        "driver": {
                            "required": ["name"],
                            "properties": {"rules": {"type": "array", "items": {"required": ["id"]}}},
                        }
                    },
                },
                "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
            },
        },
        "result": {
            "type": "object",
            "required": ["message", "ruleId", "locations"],
            "properties": {
                "level": {"enum": ["none", "note", "warning", "error"]},
                "message": {"$ref": "#/$defs/text"},
                "locations": {
                    "type": "array",
                    "items": {
                        "required": ["physicalLocation"],
                        "properties": {
                            "physicalLocation": {
                                "required": ["artifactLocation"],
                                "properties": {
                                    "artifactLocation": {"$ref": "#/$defs/artifact"},
                                    "region": {"$ref": "#/$defs/region"},
                                },
                            }
                        },
                    },
                },
                "fixes": {
                    "type": "array",
                    "items": {
                        "required": ["artifactChanges"],
                        "properties": {
                            "description": {"$ref": "#/$defs/text"},
                            "artifactChanges": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "required": ["artifactLocation", "replacements"],
                                    "properties": {
                                        "replacements": {
                                            "type": "array",
                                            "minItems": 1,
                                            "items": {
                                                "required": ["deletedRegion"],
                                                "properties": {
                                                    "deletedRegion": {"$ref": "#/$defs/region"},
                                                    "insertedContent": {"$ref": "#/$defs/text"},
                                                },
                                            },
                                        }
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The parts of the SARIF 2.1.0 schema (OASIS) that speak of what is written here."""


def test_sarif_is_as_its_standard_says_and_its_fixes_give_what_the_command_writes(plans: Path) -> None:
    found = json.loads(run("validate", "plans", "--format", "sarif").out)
    jsonschema.validate(found, SARIF)
    (result,) = [each for each in found["runs"][0]["results"] if each["ruleId"] == "final-newline"]
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"] == {"uri": "plans/odd.md"}
    assert edited(ODD, change["replacements"]) == ODD + "\n"


def edited(text: str, replacements: list[dict[str, Any]]) -> str:
    """The text with the replacements of a SARIF fix made, as a viewer makes them."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for replacement in reversed(replacements):
        region = replacement["deletedRegion"]
        start = starts[region["startLine"] - 1] + region["startColumn"] - 1
        end = starts[region["endLine"] - 1] + region["endColumn"] - 1
        text = text[:start] + replacement["insertedContent"]["text"] + text[end:]
    return text


@pytest.mark.parametrize("plan", ["# P\n\n- [ ]a\n- [ ] b", "# P\n\n- [ ]a", "# P\r\n\n##B\r\n<content>\n"])
def test_every_fix_in_sarif_is_the_fix(plan: str, plans: Path) -> None:
    (plans / "odd.md").write_bytes(plan.encode())
    found = json.loads(run("validate", "plans/odd.md", "--format", "sarif").out)["runs"][0]["results"]
    fixes = [
        result["fixes"][0]["artifactChanges"][0]["replacements"] for result in found if "fixes" in result
    ]
    expected = [
        finding for finding in check(plan.encode(), name="odd.md").findings if finding.fix is not None
    ]
    assert len(fixes) == len(expected) > 0
    for replacements, finding in zip(fixes, expected, strict=True):
        assert edited(plan, replacements) == apply(plan.encode(), [finding], unsafe=True).decode()


READERS: Mapping[str, Callable[[str], object]] = {
    "json": json.loads,
    "sarif": json.loads,
    "junit": ElementTree.fromstring,
}


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github", "junit"])
def test_every_format_can_tell_of_the_oddest_plan(form: str, plans: Path) -> None:
    bom = b"\xef\xbb\xbf\xef\xbb\xbf"
    odd = bom + b"# P\x00\xff\x1b[31m\r\n\n- [ ]\xe9t - [ ] x\n##\xff\n{{NAME_X}}\x01\n<content>\xff\n"
    (plans / "odd.md").write_bytes(odd)
    answer = run("validate", "plans/odd.md", "--format", form)
    assert answer.code == 0
    assert "\x1b" not in answer.out
    read: Callable[[str], object] = READERS.get(form, str)
    assert read(answer.out)


# ------------------------------------------------------------------------------------- without Django


def test_neither_command_loads_django_or_anything_heavy(plans: Path) -> None:
    program = (
        "import sys, manage\n"
        "sys.argv = ['planning-sync', *{words!r}]\n"
        "manage.main()\n"
        "heavy = ('django', 'yaml', 'cel', 'rich', 'ftfy', 'sklearn', 'orjson')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    for words in (["validate", "plans/sound.md"], ["new", "--template", "sprint", "plans"]):
        done = subprocess.run(
            [sys.executable, "-c", program.format(words=words)],
            capture_output=True,
            text=True,
            env={"PYTHONPATH": str(ROOT)},
        )
        assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr


def test_django_can_call_it_as_well(plans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("validate", "plans/sound.md", as_json=True)
    (plan,) = json.loads(capsys.readouterr().out)
    assert plan["score"] == 100


def test_the_commands_without_django_are_those_that_django_knows_as_well() -> None:
    assert tuple(quick.COMMANDS) == manage.WITHOUT_DJANGO
    assert set(quick.COMMANDS) <= set(get_commands())
