"""From decisions to knowledge: `trained`. The one place that imports scikit-learn, and only when called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from conflicts.learning.features import Facts, features, likeness
from conflicts.learning.knowledge import SUGGEST_FROM, Case, Knowledge
from conflicts.merge.model import Side

MIN_DECISIONS = 20
MIN_OF_EACH = 3
"""Decisions for either side without which there is nothing to tell apart."""
FOLDS = 5
KEPT_IDS = 5
"""Decisions named for each side of a case."""


class Decided(NamedTuple):
    """One decision of a person."""

    id: str
    facts: Facts
    take: Side


class Trained(NamedTuple):
    knowledge: Knowledge
    decisions: int
    hit_rate: float | None
    """Of the guesses on decisions that were kept back from training; None where it would guess nothing."""


def trained(decided: Sequence[Decided]) -> Trained | None:
    """What the decisions teach, newest first; None where there are too few for either side."""
    takes = Counter(each.take for each in decided)
    if len(decided) < MIN_DECISIONS or min(takes["hub"], takes["replica"]) < MIN_OF_EACH:
        return None
    samples = [features(each.facts) for each in decided]
    labels = [int(each.take == "replica") for each in decided]
    intercept, weights = _fitted(samples, labels)
    hit_rate = _hit_rate(samples, labels, folds=min(FOLDS, takes["hub"], takes["replica"]))
    return Trained(Knowledge(intercept, weights, _cases(decided)), len(decided), hit_rate)


def _fitted(samples: Sequence[dict[str, Any]], labels: Sequence[int]) -> tuple[float, dict[str, float]]:
    pipeline = _pipeline()
    pipeline.fit(samples, labels)
    vectors, regression = (step for _, step in pipeline.steps)
    names, coefficients = vectors.get_feature_names_out(), regression.coef_[0]
    weights = {
        str(name): round(float(weight), 6) for name, weight in zip(names, coefficients, strict=True) if weight
    }
    return float(regression.intercept_[0]), weights


def _hit_rate(samples: Sequence[dict[str, Any]], labels: Sequence[int], *, folds: int) -> float | None:
    """Each decision guessed by what the others teach."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    chances = cross_val_predict(
        _pipeline(),
        samples,
        labels,
        cv=StratifiedKFold(n_splits=folds, shuffle=True, random_state=0),
        method="predict_proba",
    )[:, 1]
    hits = [
        (chance >= 0.5) == bool(label)
        for chance, label in zip(chances.tolist(), labels, strict=True)
        if max(chance, 1 - chance) >= SUGGEST_FROM
    ]
    return sum(hits) / len(hits) if hits else None


def _pipeline() -> Any:
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(DictVectorizer(), LogisticRegression(max_iter=1000))


def _cases(decided: Sequence[Decided]) -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for each in decided:
        for common in likeness(each.facts):
            cases[common] = _with(cases.get(common, Case()), each)
    return cases


def _with(case: Case, each: Decided) -> Case:
    if each.take == "hub":
        return case._replace(hub=case.hub + 1, hub_ids=(*case.hub_ids, each.id)[:KEPT_IDS])
    return case._replace(replica=case.replica + 1, replica_ids=(*case.replica_ids, each.id)[:KEPT_IDS])
