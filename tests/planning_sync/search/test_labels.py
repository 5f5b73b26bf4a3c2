from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from planning_sync.search import labels

TEXTS = st.lists(st.text(max_size=30), min_size=1, max_size=5)


def labelled(texts: list[str], others: list[str]) -> str:
    return labels.label(texts, Counter(word for text in texts + others for word in labels.telling(text)))


@settings(max_examples=40, deadline=None)
@given(TEXTS, TEXTS)
def test_every_group_has_a_label_of_few_words(texts: list[str], others: list[str]) -> None:
    found = labelled([*texts, "Water the garden"], others)
    assert found
    assert len(found.split(", ")) <= labels.LONGEST


def test_a_label_has_what_tells_a_group_from_others_and_no_words_that_stand_anywhere() -> None:
    texts = ["Migrer les données dans la base", "Migration avec le serveur", "Migrer le serveur avec soin"]
    found = labelled(texts, ["Écrire dans le journal", "Payer avec la carte"])
    assert "serveur" in found
    assert not {"dans", "avec"} & set(found.split(", "))


def test_of_words_of_one_stem_a_label_has_one() -> None:
    assert labelled(["Automate tests", "Automation of testing", "Automated tests"], []) == "tests, Automate"


def test_a_label_is_spelled_as_most_texts_spell_it() -> None:
    assert labelled(["BUDGET", "Budget", "Budget"], []) == "Budget"


def test_a_group_without_telling_words_is_called_by_its_first_text() -> None:
    assert labelled(["1.2", "3"], []) == "1.2"
