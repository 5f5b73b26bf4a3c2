"""Which strategies a policy lets settle what, how it is read, and what the merge makes of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conflicts import merge, policy
from conflicts.errors import InvalidPolicy
from conflicts.merge import Choice, Clash, Decision, Decisions, Severity
from conflicts.merge.model import CLASSES, Owner, Spot
from conflicts.policy import DEFAULT_ARBITRATION, MANUAL_ONLY, Arbitrated, ArbitrationPolicy, Layer, Rule
from conflicts.strategies import STRATEGIES, Context, Suggestion, Touch
from conflicts.watch import Watch
from plans.outline import ROOT, Outline, value
from tests.conflicts.edits import EDITS, Sides, assert_well_formed, edited, plan, sides, task

CASES = settings(deadline=None, max_examples=75)

HUB_WINS = ArbitrationPolicy((Rule(("hub_wins",), severity=Severity.CRITICAL),))


def contexts(decision: Decision, clashes: Sequence[Clash]) -> dict[Spot, Context]:
    hub, replica = decision.hub.by_key, decision.replica.by_key
    return {(c.key, c.field): Context(hub.get(c.key) or replica[c.key]) for c in clashes}


def arbitrated(
    world: Sides, arbitration: ArbitrationPolicy = DEFAULT_ARBITRATION, decided: Decisions | None = None
) -> Arbitrated:
    def decide(decisions: Decisions) -> Decision:
        return merge.decide(*world, decisions=decisions)

    return policy.arbitrate(decide, decided or {}, contexts, arbitration)


def settle(clash: Clash, arbitration: ArbitrationPolicy) -> str:
    """The strategy that settles the clash, "" for a person."""
    found = policy.settle([clash], {(clash.key, clash.field): Context(task("a"))}, arbitration)
    return found[0].strategy if found else ""


# -------------------------------------------------------------------------------------- the default


def test_the_default_merges_texts_and_sets_and_leaves_all_else_to_a_person() -> None:
    for field in CLASSES:
        rule = DEFAULT_ARBITRATION.rule_for(field)
        assert (rule is not None) == (field in ("text", "tags", "depends_on", "order"))
        assert rule is None or rule.strategies == ("auto_merge",)
    assert not DEFAULT_ARBITRATION.needs_times


@pytest.mark.parametrize("field", sorted(CLASSES))
def test_manual_only_leaves_everything_to_a_person(field: str) -> None:
    assert settle(Clash("a", field, ("a",), ("a", "b"), ("c",)), MANUAL_ONLY) == ""


PHRASES = ("Tag", "the", "new", "version", "of", "all", "plans", "now")
TAGS = ("a", "b", "c", "d")


@st.composite
def worded(draw: st.DrawFn) -> Sides:
    """A plan whose tasks both sides may reword, tag and edit in other ways too."""
    base = plan(*(task(f"t{n}", text=" ".join(PHRASES), tags=TAGS[:2]) for n in range(3)))
    changed = [_reworded(draw, base, news) for news in ("xyz", "uvw")]
    hub, replica = (
        edited(side, draw(st.lists(EDITS, max_size=2)), prefix)
        for side, prefix in zip(changed, "hr", strict=True)
    )
    return Sides(base, hub, replica)


def _reworded(draw: st.DrawFn, outline: Outline, news: str) -> Outline:
    items = []
    for item in outline.items:
        text = item.text.split(" ")
        for new in draw(st.lists(st.sampled_from(news), max_size=2, unique=True)):
            at = draw(st.integers(0, len(text)))
            text[at : at + draw(st.integers(0, 1))] = [new]
        tags = draw(st.lists(st.sampled_from(TAGS), unique=True, max_size=3).map(tuple))
        items.append(item._replace(text=" ".join(text), tags=draw(st.sampled_from((item.tags, tags)))))
    return Outline(outline.plan, tuple(items))


@CASES
@given(worded())
def test_by_default_every_edit_of_both_sides_is_visible_in_what_was_settled(world: Sides) -> None:
    result = arbitrated(world)
    for clash, choice, strategy, _ in result.settled:
        assert strategy == "auto_merge"
        for outline in (result.decision.hub, result.decision.replica, result.decision.base):
            assert _said(outline, clash) == choice.value
        if clash.field == "order":
            assert_every_move_is_kept(clash, choice)
            continue
        base, hub, replica, found = (
            Counter(_elements(said)) for said in (clash.base, clash.hub, clash.replica, choice.value)
        )
        for side in (hub, replica):
            assert side - base <= found, "what a side brought is there"
            gone = base - side
            assert all(found[each] <= side[each] for each in gone), "what a side removed is gone"
        assert found - base <= (hub - base) | (replica - base), "nothing else came"


def _said(outline: Outline, clash: Clash) -> Any:
    if clash.field == "order":
        return tuple(outline.children[clash.key])
    return value(outline.by_key[clash.key], clash.field)


def assert_every_move_is_kept(clash: Clash, choice: Choice) -> None:
    """Two siblings that a side put the other way round stand that way round."""
    base, found, *sides = (
        {key: place for place, key in enumerate(order or ())}
        for order in (clash.base, choice.value, clash.hub, clash.replica)
    )
    for one, other in combinations(base, 2):
        turned = any(side[one] > side[other] for side in sides)
        assert (found[one] > found[other]) == turned


def _elements(said: Any) -> Sequence[str]:
    return said.split(" ") if isinstance(said, str) else said or ()


@CASES
@given(worded())
def test_settling_only_takes_clashes_away_and_changes_nothing_else(world: Sides) -> None:
    plain, result = merge.decide(*world), arbitrated(world)
    spots = {each.spot for each in result.settled}
    assert set(result.decision.clashes) == {c for c in plain.clashes if (c.key, c.field) not in spots}
    for before, after in ((plain.hub, result.decision.hub), (plain.replica, result.decision.replica)):
        assert _differences(before, after) <= spots


def _differences(before: Outline, after: Outline) -> set[Spot]:
    assert before.by_key.keys() == after.by_key.keys()
    said = {
        (key, name)
        for key, one in before.by_key.items()
        for name in one._fields
        if getattr(one, name) != getattr(after.by_key[key], name)
    }
    return said | {(key, "order") for key, keys in before.children.items() if keys != after.children[key]}


@CASES
@given(worded())
def test_what_was_settled_does_not_come_back(world: Sides) -> None:
    once = arbitrated(world)
    twice = arbitrated(Sides(once.decision.base, once.decision.hub, once.decision.replica))
    assert not {each.spot for each in once.settled} & {each.spot for each in twice.settled}
    assert twice.decision.clashes == once.decision.clashes
    assert (twice.decision.hub, twice.decision.replica) == (once.decision.hub, once.decision.replica)


@CASES
@given(worded())
def test_the_outcome_does_not_depend_on_which_side_is_called_the_hub(world: Sides) -> None:
    one, two = arbitrated(world), arbitrated(Sides(world.base, world.replica, world.hub))
    if not one.decision.joined:
        assert (one.decision.hub, one.decision.replica) == (two.decision.replica, two.decision.hub)
    assert {(s.clash.field, s.choice.value) for s in one.settled} == {
        (s.clash.field, s.choice.value) for s in two.settled
    }


# ----------------------------------------------------------------------------------- other policies


@CASES
@given(sides())
def test_where_the_hub_always_wins_nothing_is_left_and_every_outline_is_well_formed(world: Sides) -> None:
    result = arbitrated(world, HUB_WINS)
    for outline in (result.decision.hub, result.decision.replica, result.decision.base):
        assert_well_formed(outline)
    settled = {each.spot for each in result.settled}
    # Decisions about moves can exclude one another; those that the merge refuses are for a person.
    assert {clash.field for clash in result.decision.clashes} <= {"parent", "order", "presence"}
    assert not settled & {(clash.key, clash.field) for clash in result.decision.clashes}
    assert not settled & set(result.decision.stale)


def test_strategies_are_tried_in_their_order_and_the_first_matching_rule_decides_alone() -> None:
    both = policy.from_toml(
        """
        [[rule]]
        field = "tags"
        strategies = "manual"

        [[rule]]
        kind = ["metadata_mismatch", "content_divergence"]
        strategies = ["auto_merge", "replica_wins"]
        """
    )
    assert settle(Clash("a", "text", "a b c d", "x b c d", "a b c y"), both) == "auto_merge"
    assert settle(Clash("a", "text", "a b c d", "x b c d", "y b c d"), both) == "replica_wins"
    assert settle(Clash("a", "due", "", "2026-03-01", "2026-03-02"), both) == "replica_wins"
    assert settle(Clash("a", "tags", ("a",), ("a", "b"), ()), both) == ""
    assert settle(Clash("a", "status", "todo", "done", "blocked"), both) == ""


def test_what_no_rule_matches_goes_by_the_default() -> None:
    found = policy.from_toml('[[rule]]\nfield = "due"\nstrategies = ["hub_wins"]')
    assert settle(Clash("a", "text", "a b c d", "x b c d", "a b c y"), found) == "auto_merge"
    assert settle(Clash("a", "text", "a b c d", "x b c d", "y b c d"), found) == ""


def test_critical_clashes_are_settled_only_where_the_rule_says_critical() -> None:
    high = policy.from_toml('[[rule]]\nstrategies = ["hub_wins"]')
    critical = policy.from_toml('[[rule]]\nseverity = "critical"\nstrategies = ["hub_wins"]')
    clash = Clash("a", "presence", ("a",), ("a",), None)
    assert (settle(clash, high), settle(clash, critical)) == ("", "hub_wins")


def test_how_much_of_a_text_must_be_kept_comes_from_the_rule() -> None:
    clash = Clash("a", "text", "a b c d e", "u v w d e", "a b c d x")
    strict = policy.from_toml('[[rule]]\nfield = "text"\nstrategies = ["auto_merge"]')
    loose = policy.from_toml('[[rule]]\nfield = "text"\nstrategies = ["auto_merge"]\nmin_kept = 0.3')
    assert (settle(clash, strict), settle(clash, loose)) == ("", "auto_merge")


def test_only_a_policy_with_a_strategy_that_asks_for_times_needs_them() -> None:
    assert policy.from_mapping({"rule": [{"strategies": ["auto_merge", "latest_wins"]}]}, "").needs_times
    assert not policy.from_mapping({"rule": [{"strategies": "hub_wins"}]}, "").needs_times


def test_a_clash_that_a_person_decided_on_other_values_goes_back_to_a_person() -> None:
    world = Sides(
        plan(task("a", text="Tag the new version")),
        plan(task("a", text="Draft the new version")),
        plan(task("a", text="Tag the new release")),
    )
    decided = {("a", "text"): Choice("Draft the new version", "Tag the new build", "hub")}
    result = arbitrated(world, decided=decided)
    assert not result.settled
    assert [clash.field for clash in result.decision.clashes] == ["text"]
    assert [each.choice.value for each in arbitrated(world).settled] == ["Draft the new release"]


def test_what_a_choice_brings_to_light_is_settled_in_turn() -> None:
    """The hub dropped `a`; the replica edited it and moved `b` below it: a move that waits for a decision."""
    world = Sides(
        plan(task("a"), task("b")),
        plan(task("b")),
        plan(task("a", status="done"), task("b", "a")),
    )
    assert [clash.field for clash in merge.decide(*world).clashes] == ["presence"]
    result = arbitrated(world, HUB_WINS)
    assert [each.spot for each in result.settled] == [("a", "presence"), ("b", "parent")]
    assert result.decision.hub == result.decision.replica == result.decision.base == plan(task("b"))


def test_a_choice_that_the_merge_refuses_counts_as_not_made() -> None:
    """Decisions on moves can exclude one another."""
    clash = Clash("a", "parent", "", "b", "c")
    outline = plan(task("a"), task("b"), task("c"))
    tried: list[Decisions] = []

    def decide(decisions: Decisions) -> Decision:
        tried.append(decisions)
        return Decision(outline, outline, outline, outline, clashes=(clash,), stale=tuple(decisions))

    result = policy.arbitrate(decide, {}, contexts, HUB_WINS)
    assert result.settled == ()
    assert result.decision.clashes == (clash,)
    assert tried == [{}, {("a", "parent"): Choice("b", "c", "hub")}]


def test_the_plan_itself_is_settled_like_any_item() -> None:
    def titled(title: str) -> Outline:
        return Outline(plan().plan._replace(text=title))

    world = Sides(titled("Launch of the shop"), titled("Launch of the new shop"), titled("Start of the shop"))
    (settled,) = arbitrated(world).settled
    assert (settled.spot, settled.choice.value) == ((ROOT, "text"), "Start of the new shop")


# ------------------------------------------------------------------------------------------- owners

OWNED = ("presence", "parent", "order")


def owned_by(owner: Owner) -> ArbitrationPolicy:
    return ArbitrationPolicy(owners=dict.fromkeys(CLASSES, owner))


@CASES
@given(sides(), st.sampled_from(["hub", "replica"]))
def test_where_one_side_owns_everything_no_clash_is_left_but_what_the_merge_refuses(
    world: Sides, owner: Owner
) -> None:
    arbitration = owned_by(owner)

    def decide(decisions: Decisions) -> Decision:
        return merge.decide(*world, policy=arbitration.ownership, decisions=decisions)

    result = policy.arbitrate(decide, {}, contexts, arbitration)
    assert {each.clash.field for each in result.settled} <= set(OWNED)
    assert all(each.choice.take == owner for each in result.settled)
    settled = {each.spot for each in result.settled}
    assert {clash.field for clash in result.decision.clashes} <= set(OWNED)
    assert not settled & {(clash.key, clash.field) for clash in result.decision.clashes}
    for outline in (result.decision.hub, result.decision.replica):
        assert_well_formed(outline)


@pytest.mark.parametrize("field", OWNED)
def test_the_owner_of_a_place_goes_before_every_rule(field: str) -> None:
    rule = Rule(("manual",), severity=Severity.CRITICAL)
    clash = Clash("a", field, ("a", "b"), ("b", "a"), ("a",))
    assert settle(clash, ArbitrationPolicy((rule,))) == ""
    assert settle(clash, ArbitrationPolicy((rule,), owners={field: "hub"})) == "owner_wins"
    assert settle(clash, ArbitrationPolicy((rule,), owners={field: "both"})) == ""


def test_the_owners_of_what_items_say_are_those_that_the_merge_minds() -> None:
    found = policy.from_toml("[owners]\ntext = 'replica'\nparent = 'hub'\ndue = 'both'")
    assert found.ownership == merge.Policy({"text": "replica", "due": "both"})
    assert (found.owner("parent"), found.owner("status")) == ("hub", "both")


# ---------------------------------------------------------------------------------- several policies


def test_of_several_policies_the_first_that_speaks_of_something_decides() -> None:
    own = Layer({"rule": [{"field": "due", "strategies": "hub_wins"}], "owners": {"text": "hub"}}, "own")
    general = Layer(
        {
            "rule": [{"strategies": ["replica_wins"]}],
            "owners": {"text": "replica", "assignee": "hub"},
            "watch": {"open_tasks_removed": 3, "evidence": ["link"]},
        },
        "general",
    )
    file = policy.read_toml("[watch]\nopen_tasks_removed = 9\ndeclared_progress = 5\n")
    found = policy.combined([own, general, file])
    assert settle(Clash("a", "due", "", "2026-03-01", "2026-03-02"), found) == "hub_wins"
    assert settle(Clash("a", "ref", "", "1", "2"), found) == "replica_wins"
    assert found.owners == {"text": "hub", "assignee": "hub"}
    assert found.watch == Watch(3, frozenset({"link"}), 5.0)
    assert policy.combined([]) == DEFAULT_ARBITRATION


def test_a_policy_can_switch_off_what_a_later_one_watches_for() -> None:
    later = Layer({"watch": {"open_tasks_removed": 3, "evidence": ["link"], "declared_progress": 5}}, "")
    first = Layer({"watch": {"open_tasks_removed": None, "evidence": [], "declared_progress": None}}, "")
    assert policy.combined([first, later]).watch.is_off
    assert not policy.combined([later, first]).watch.is_off


def test_a_mistake_is_told_with_the_place_that_makes_it() -> None:
    good, wrong = Layer({}, "the general policy"), Layer({"owners": {"text": "me"}}, "conflict-policy.toml")
    with pytest.raises(InvalidPolicy, match=r"^conflict-policy\.toml, owners, text: 'me' is not one of hub"):
        policy.combined([good, wrong])


def test_without_its_rules_a_policy_keeps_owners_and_watch_and_leaves_every_clash_to_a_person() -> None:
    full = policy.from_toml(
        "[owners]\ndue = 'hub'\n[watch]\nevidence = 'note'\n[[rule]]\nstrategies = 'hub_wins'"
    )
    bare = full.without_rules
    assert (bare.owners, bare.watch) == (full.owners, full.watch)
    assert settle(Clash("a", "text", "a b c d", "x b c d", "a b c y"), bare) == ""


# ---------------------------------------------------------------------------------------- the outlook


def test_the_outlook_tells_for_each_field_who_settles_it_and_what_may_be_lost() -> None:
    found = policy.from_toml(
        """
        [owners]
        assignee = "hub"
        presence = "replica"

        [[rule]]
        field = ["due", "order"]
        strategies = ["auto_merge", "latest_wins", "hub_wins"]
        """
    )
    rows = {row.field: row for row in policy.outlook(found)}
    assert list(rows) == list(CLASSES)
    assert (rows["assignee"].origin, rows["assignee"].strategies) == ("owner", ("owner_wins",))
    assert (rows["presence"].origin, rows["presence"].owner) == ("owner", "replica")
    assert rows["due"].strategies == ("latest_wins", "hub_wins")
    assert rows["due"].caveats == (STRATEGIES["latest_wins"].caveat, STRATEGIES["hub_wins"].caveat)
    assert rows["order"].strategies == ("auto_merge", "hub_wins")
    assert (rows["text"].origin, rows["text"].strategies, rows["text"].caveats) == (
        *("default", ("auto_merge",)),
        (),
    )
    assert (rows["status"].origin, rows["status"].strategies) == ("nothing", ())


VALUES = ("", "a b c", "x b c", "a b y", ("a", "b"), ("b", "a"), ("a",), None)
NUMBERS = ("", "50", "40")


@CASES
@given(st.data(), st.sampled_from(sorted(CLASSES)))
def test_a_strategy_settles_only_the_fields_that_it_says_it_can(data: st.DataObject, field: str) -> None:
    values = st.sampled_from(NUMBERS if field == "progress" else VALUES)
    base, hub, replica = (data.draw(values) for _ in range(3))
    at = datetime(2026, 3, 1, tzinfo=UTC)
    context = Context(
        *(task("a"), Touch(at), Touch(at + timedelta(hours=1)), "40"),
        owner="hub",
        suggestion=Suggestion("hub", 1.0),
    )
    for strategy in STRATEGIES.values():
        clash = Clash("a", field, base, hub, replica)
        if strategy.can_resolve(clash, context) and strategy.resolve(clash, context) is not None:
            assert strategy.handles(field), strategy.name


# ------------------------------------------------------------------------------------------- learned


@pytest.mark.parametrize(("confidence", "strategy"), [(0.94, "hub_wins"), (0.95, "learned")])
def test_a_suggestion_acts_from_the_confidence_that_the_rule_asks_for(
    confidence: float, strategy: str
) -> None:
    found = policy.from_toml('[[rule]]\nfield = "due"\nstrategies = ["learned", "hub_wins"]')
    clash = Clash("a", "due", "", "2026-03-01", "2026-03-02")
    context = Context(task("a"), suggestion=Suggestion("replica", confidence, ("one", "two")))
    (settled,) = policy.settle([clash], {("a", "due"): context}, found)
    assert settled.strategy == strategy
    if strategy == "learned":
        assert settled.choice.take == "replica"
        assert settled.grounds == {"confidence": 0.95, "decisions": ["one", "two"]}
    else:
        assert settled.grounds == {}
    assert found.learns
    assert not DEFAULT_ARBITRATION.learns


def test_a_suggestion_never_acts_on_a_critical_clash() -> None:
    found = policy.from_toml('[[rule]]\nseverity = "critical"\nstrategies = ["learned"]\nconfidence = 0.5')
    clash = Clash("a", "presence", ("a",), ("a",), None)
    context = Context(task("a"), suggestion=Suggestion("replica", 1.0))
    assert policy.settle([clash], {("a", "presence"): context}, found) == ()


# ------------------------------------------------------------------------------------------ reading


def test_a_policy_reads_the_same_from_toml_and_from_a_mapping() -> None:
    text = """
    [[rule]]
    field = ["assignee", "due"]
    kind = "metadata_mismatch"
    severity = "medium"
    strategies = ["auto_merge", "hub_wins"]
    min_kept = 0.75
    """
    table = {
        "field": ["assignee", "due"],
        "kind": "metadata_mismatch",
        "severity": "medium",
        "strategies": ["auto_merge", "hub_wins"],
        "min_kept": 0.75,
    }
    (rule,) = policy.from_toml(text).rules
    assert policy.from_mapping({"rule": [table]}, "").rules == (rule,)
    assert rule == Rule(
        ("auto_merge", "hub_wins"),
        kinds=frozenset({merge.ClashKind.METADATA}),
        fields=frozenset({"assignee", "due"}),
        severity=Severity.MEDIUM,
        min_kept=0.75,
    )
    assert policy.from_toml("") == DEFAULT_ARBITRATION


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[rule]\n", "conflict-policy.toml: it is not TOML:"),
        ("\nrule = = 1", "line 2"),
        ("rules = []", "conflict-policy.toml: 'rules' is not one of rule, owners, watch"),
        ("owners = 'hub'", "owners: give a table, in TOML [owners]"),
        ("[owners]\ntxt = 'hub'", "owners: 'txt' is not one of presence, parent, order, text"),
        ("[owners]\ntext = 'me'", "owners, text: 'me' is not one of hub, replica, both"),
        ("[owners]\ntext = ['hub']", "owners, text: ['hub'] is not one of hub, replica, both"),
        ("watch = []", "watch: give a table, in TOML [watch]"),
        ("[watch]\nopen_tasks = 3", "watch: 'open_tasks' is not one of open_tasks_removed, evidence"),
        ("[watch]\nopen_tasks_removed = -1", "watch, open_tasks_removed: -1 is not a number of tasks"),
        ("[watch]\nopen_tasks_removed = true", "watch, open_tasks_removed: True is not a number of tasks"),
        ("[watch]\nevidence = ['oath']", "watch, evidence: 'oath' is not one of link, commit"),
        ("[watch]\ndeclared_progress = 101", "watch, declared_progress: 101 is not a number of points"),
        ("[watch]\ndeclared_progress = '5'", "watch, declared_progress: '5' is not a number of points"),
        ("[[rule]]\nstrategies = 'owner_wins'", "rule 1, strategies: owner_wins goes before every rule"),
        ("[[rule]]\nstrategies = 'learned'\nconfidence = 2", "rule 1, confidence: 2 is not a number from 0"),
        ("rule = 3", "conflict-policy.toml, rule: give a list of tables"),
        ("rule = [3]", "conflict-policy.toml, rule 1: give a table"),
        ("[[rule]]\nfield = 'text'", "rule 1: strategies is missing"),
        ("[[rule]]\nstrategies = []", "rule 1, strategies: give a name or a list of names"),
        ("[[rule]]\nstrategies = ['hub']", "rule 1, strategies: 'hub' is not one of auto_merge, hub_wins"),
        ("[[rule]]\nstrategies = [1]", "rule 1, strategies: 1 is not one of"),
        (
            "[[rule]]\nstrategies = ['manual', 'hub_wins']",
            "rule 1, strategies: nothing can come after manual",
        ),
        ("[[rule]]\nstrategies = 'manual'\nfields = 'text'", "rule 1: 'fields' is not one of kind, field"),
        (
            "[[rule]]\nstrategies = 'manual'\n[[rule]]\nstrategies = 'manual'\nfield = 'txt'",
            "rule 2, field: 'txt'",
        ),
        (
            "[[rule]]\nstrategies = 'manual'\nkind = 'words'",
            "rule 1, kind: 'words' is not one of content_divergence",
        ),
        ("[[rule]]\nstrategies = 'manual'\nseverity = 'huge'", "rule 1, severity: 'huge' is not one of low"),
        (
            "[[rule]]\nstrategies = 'manual'\nseverity = ['low', 'high']",
            "rule 1, severity: ['low', 'high'] is not",
        ),
        (
            "[[rule]]\nstrategies = 'manual'\nmin_kept = true",
            "rule 1, min_kept: True is not a number from 0 to 1",
        ),
        ("[[rule]]\nstrategies = 'manual'\nmin_kept = 2", "rule 1, min_kept: 2 is not a number from 0 to 1"),
        (
            "[[rule]]\nstrategies = 'hub_wins'\nfield = 'presence'",
            "rule 1: it can never match presence, which is a structure_change of severity critical",
        ),
        (
            "[[rule]]\nstrategies = 'hub_wins'\nkind = 'content_divergence'\nseverity = 'low'",
            "rule 1: no field is of that kind and of such low severity",
        ),
    ],
)
def test_a_wrong_policy_is_refused_with_its_rule_and_key(text: str, message: str) -> None:
    with pytest.raises(InvalidPolicy) as refusal:
        policy.from_toml(text)
    assert message in str(refusal.value)


def test_every_strategy_but_that_of_owners_can_be_named_in_a_policy() -> None:
    for name in STRATEGIES.keys() - {"owner_wins"}:
        assert policy.from_mapping({"rule": [{"strategies": [name]}]}, "").rules[0].strategies == (name,)


def test_the_documentation_tells_of_every_strategy_and_of_what_it_may_lose() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "conflict-policy.md"
    text = " ".join(page.read_text().split())
    for name, strategy in STRATEGIES.items():
        assert f"| `{name}` |" in text
        assert strategy.caveat in text
    for example in re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL):
        assert policy.from_toml(example) != DEFAULT_ARBITRATION
