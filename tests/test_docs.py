"""The documentation says what the product does: settings, options, commands, remarks, examples, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from planning_sync.sync import sides
from tests import readings

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
OURS = ("planning_sync.sync", "planning_sync.search")
COMMANDS = sorted(name for name, app in get_commands().items() if app in OURS)
COMMON = {"--help", "--json", "--no-color", "--verbosity", "-h", "-v"}


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def without_code(page: str) -> str:
    return re.sub(r"^(`{3,})[^\n]*\n.*?^\1$", "", page, flags=re.MULTILINE | re.DOTALL)


def section(page: str, heading: str) -> str:
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found is not None, f"there is no section {heading!r}"
    return found[1]


# ------------------------------------------------------------------------------ what must be told


def test_every_setting_has_its_row() -> None:
    source = text(ROOT / "planning_sync" / "settings.py")
    calls = r"_(?:text|words|switch|count|choice)\(\s*\"([A-Z_]+)\""
    names = set(re.findall(calls, source))
    assert {"PLANNING_SYNC_HOME", "DATABASE_URL", "PLANNING_SYNC_LOG_LEVEL"} <= names
    told = set(re.findall(r"^\| `([A-Z_]+)` \|", text(DOCS / "settings.md"), re.MULTILINE))
    assert told == names


def test_every_option_of_a_replica_has_its_row() -> None:
    known = {name for kind in sides.KINDS for name in sides.options_of(kind)}
    page = section(text(DOCS / "settings.md"), "Options of a replica")
    assert sorted(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == sorted(known)


def test_every_remark_of_the_parser_has_its_paragraph() -> None:
    source = text(ROOT / "plans" / "document" / "parse.py")
    codes = set(re.findall(r"self\.find\(\s*[^,()]+(?:\[0\])?,\s*\"([a-z0-9-]+)\"", source))
    assert {"unrecognised", "broken-fence", "annotation"} <= codes
    assert source.count("self.find(") == len(codes), "a remark whose code this test does not see"
    exchange = text(ROOT / "planning_sync" / "sync" / "exchange.py")
    codes |= set(re.findall(r"Finding\(\s*[^,]+,\s*\"([a-z0-9-]+)\"", exchange))
    page = section(text(DOCS / "grammar.md"), "Remarks")
    assert set(re.findall(r"^### `([a-z0-9-]+)`$", page, re.MULTILINE)) == codes


def option_names(name: str) -> set[str]:
    """The options of a command and of its subcommands."""
    parsers = [load_command_class(get_commands()[name], name).create_parser("planning-sync", name)]
    found: set[str] = set()
    for parser in parsers:
        for action in parser._actions:
            found.update(action.option_strings)
            if isinstance(action.choices, dict):
                parsers.extend(action.choices.values())
    return {option for option in found - COMMON if option.startswith("--")}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_its_options_are_told(name: str) -> None:
    hidden = {"--version", "--settings", "--pythonpath", "--traceback", "--force-color", "--skip-checks"}
    told = section(text(DOCS / "command-line.md"), name.replace("_", "-"))
    missing = {option for option in option_names(name) - hidden if f"`{option}`" not in told}
    assert not missing


def test_the_readme_names_every_command_for_daily_work() -> None:
    page = section(text(ROOT / "README.md"), "The command line")
    missing = [name for name in COMMANDS if name.replace("_", "-") not in page]
    assert not missing


# ------------------------------------------------------------------------------ what must be true

EXAMPLES = readings.examples()


def test_the_page_of_the_grammar_has_its_examples() -> None:
    assert len(EXAMPLES) == text(DOCS / "grammar.md").count("```reading\n") >= 8
    assert len(readings.edits()) == text(DOCS / "grammar.md").count("```diff\n") >= 4


@pytest.mark.parametrize("example", EXAMPLES, ids=[each.text.split("\n")[0] for each in EXAMPLES])
def test_an_example_of_the_grammar_is_read_as_the_page_says(example: readings.Example) -> None:
    assert readings.reading(example) == example.reading


@pytest.mark.parametrize(
    "edit", readings.edits(), ids=[f"{each.field}={each.value}" for each in readings.edits()]
)
def test_an_edit_of_the_grammar_changes_the_lines_that_the_page_says(edit: readings.Edit) -> None:
    assert readings.changed_lines(readings.edited(), edit) == edit.lines


# ------------------------------------------------------------------------------ links


def anchors(page: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text(page))):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(text(found)), f"{target} names no heading"


def test_pictures_are_small_and_there_in_both_themes() -> None:
    pictures = {each.name: each.read_bytes() for each in (DOCS / "images").iterdir()}
    assert all(data[:4] == b"RIFF" and data[8:12] == b"WEBP" for data in pictures.values())
    assert {name: len(data) for name, data in pictures.items() if len(data) > 120_000} == {}
    light = {name for name in pictures if not name.endswith(("-dark.webp", "-phone.webp"))}
    assert {name.replace(".webp", "-dark.webp") for name in light} <= set(pictures)
