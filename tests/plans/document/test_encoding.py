"""Mojibake, known and mended line by line."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.document.encoding import damage_places, is_garbled, mend, repair
from plans.document.parse import parse
from tests.growth import is_linear

RIGHT = [
    "Tâche : créer l'équipe d’accès à l’Âge",
    "├── src/ │ └─┬┐",
    "┌──┬──┐",
    "d’écart “cité” – fin…",
    "ÔÔ Où ça",
    "naïve coïncidence, Ångström, Å",
    "- ☐ ✅ 🎯 emoji",
    "√2 ‚bas‘",
    "plain ASCII",
    "",
]


@pytest.mark.parametrize("line", RIGHT)
def test_right_text_is_left_alone(line: str) -> None:
    assert mend(line) == line


@pytest.mark.parametrize(
    ("garbled", "right"),
    [
        ("TÃ¢che crÃ©er dâ€™Ã©quipe", "Tâche créer d’équipe"),
        ("TÃƒÂ¢che ÃƒÂ©tat", "Tâche état"),
        ("### TÃ¢che 1.2 - Créer", "### Tâche 1.2 - Créer"),
        ("TÃƒÂ¢che â€¦ CrÃ©er", "Tâche … Créer"),
        ("Planifi├® ├á dÔÇÖici", "Planifié à d’ici"),
        ("â˜\x90 VÃ©rifier", "☐ Vérifier"),
        ("âœ… fait", "✅ fait"),
        ("Ã\u00a0 cocher", "à cocher"),
        ("ğŸš¨ Alerte", "🚨 Alerte"),
        ("Donn√©es", "Données"),
    ],
)
def test_damage_is_mended(garbled: str, right: str) -> None:
    assert is_garbled(garbled)
    assert mend(garbled) == right


FRENCH = st.lists(
    st.sampled_from(
        [
            "le",
            "tâche",
            "créée",
            "à",
            "côté",
            "où",
            "ça",
            "États",
            "«",
            "l’été",
            "»",
            "…",
            "–",
            "🎯",
            "☐",
            "œuf",
            "1",
            "000",
            "€",
        ]
    ),
    max_size=8,
).map(" ".join)


@given(FRENCH)
@settings(deadline=None)
def test_cp1252_damage_is_undone(line: str) -> None:
    try:
        damaged = line.encode().decode("cp1252")
    except UnicodeDecodeError:
        return  # cp1252 has no character for five of the bytes
    assert mend(damaged) == line


@given(FRENCH)
@settings(deadline=None)
def test_french_is_never_damaged(line: str) -> None:
    assert mend(line) == line


def test_a_repair_changes_the_garbled_lines_alone() -> None:
    data = "# Té\r\n- [ ] crÃ©er\r- [x] d’accord\n- [ ] ├á".encode() + b"\n- [ ] \xe9 \xc3\x83\xc2\xa9"
    document = parse(data)
    found = repair(document)
    assert [(line, after) for line, _, after in found.lines] == [(2, "- [ ] créer"), (4, "- [ ] à")]
    assert found.data == data.replace("crÃ©er".encode(), "créer".encode()).replace(
        "├á".encode(), "à".encode()
    )


def test_a_file_without_damage_is_not_touched() -> None:
    data = "# Tâche\n".encode("utf-16")
    found = repair(parse(data))
    assert found.lines == ()
    assert found.data is data


def test_looking_for_damage_is_cheap() -> None:
    text = "- [ ] Tâche numéro un : créer l’équipe à côté, ├── src\n"
    assert not is_garbled(text * 10)
    assert is_linear(is_garbled, lambda n: text * n, small=20_000)


def test_importing_the_module_does_not_import_ftfy() -> None:
    import subprocess

    code = "import plans.document.encoding, sys; sys.exit('ftfy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(st.text(st.sampled_from("ÃÂâÅðï├┬Ô√ €˜œ©í▒“%a☐")))
@settings(deadline=None)
def test_damage_is_found_where_a_text_is_garbled(text: str) -> None:
    places = damage_places(text, {character for character in text if not character.isascii()})
    assert bool(places) == is_garbled(text)
    assert all(is_garbled(text[place : place + 2]) for place in places)
