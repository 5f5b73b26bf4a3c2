from __future__ import annotations

import pytest

from audit import signals
from audit.models import Entry, Operation
from plans import services
from plans.errors import ChangedMeanwhile, InvalidPlace, InvalidValue, NotFound, OutOfDate
from plans.models import Phase, Plan, Task

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan() -> Plan:
    return services.create_plan("Launch", actor="alice")


@pytest.fixture
def phase(plan: Plan) -> Phase:
    return services.add_phase(plan, "Preparation", ref="1", actor="alice")


@pytest.fixture
def task(phase: Phase) -> Task:
    return services.add_task(phase, "Write the text", actor="alice")


def test_an_edit_is_one_operation_with_an_entry_for_each_field(task: Task) -> None:
    services.set_fields(task, {"status": "done", "tags": "docs, web"}, actor="bob", on_behalf_of="alice")
    operation = Operation.objects.latest("started_at")
    assert (operation.actor, operation.on_behalf_of, operation.status) == ("bob", "alice", "done")
    changed = list(operation.entries.order_by("field").values_list("field", "before", "after"))
    assert changed == [("status", "todo", "done"), ("tags", [], ["docs", "web"])]


def test_an_edit_that_changes_nothing_leaves_no_trace(task: Task) -> None:
    before = Plan.objects.get().revision, Operation.objects.count()
    services.set_fields(task, {"status": "todo"}, actor="bob")
    assert (Plan.objects.get().revision, Operation.objects.count()) == before


def test_an_edit_on_an_old_view_is_refused(task: Task) -> None:
    with pytest.raises(OutOfDate, match="changed meanwhile"):
        services.set_fields(task, {"status": "done"}, actor="bob", expected_revision=1)
    assert Task.objects.get().status == "todo"


def test_an_edit_of_a_field_that_holds_something_else_by_now_changes_nothing() -> None:
    plan = services.create_plan("Plan", actor="alice")
    task = services.add_task(plan, "Write", actor="alice", tags=["a", "b"])
    services.set_fields(task, {"text": "Write it", "assignee": "carol"}, actor="alice")
    seen = {"text": "Write", "tags": "a, b", "assignee": ""}
    with pytest.raises(ChangedMeanwhile) as caught:
        services.set_fields(task, {"text": "Read", "tags": "c"}, actor="bob", expected=seen)
    assert caught.value.present == {"text": "Write it"}
    services.set_fields(task, {"tags": "c"}, actor="bob", expected=seen)
    services.set_fields(task, {"assignee": "carol"}, actor="bob", expected=seen)  # wanted by both
    task.refresh_from_db()
    assert (task.text, task.tags, task.assignee) == ("Write it", ["c"], "carol")


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("status", "finished"),
        ("status", ""),
        ("priority", "urgent"),
        ("due", "tomorrow"),
        ("text", "  "),
        ("text", "two\nlines"),
        ("title", "no such field"),
        ("progress", "40"),
    ],
)
def test_what_a_field_cannot_hold_is_refused_with_what_it_can(task: Task, field: str, given: str) -> None:
    with pytest.raises(InvalidValue):
        services.set_fields(task, {field: given}, actor="bob")


@pytest.mark.parametrize("given", ["101", "-1", "half"])
def test_declared_progress_is_a_percentage(phase: Phase, given: str) -> None:
    with pytest.raises(InvalidValue, match="0 to 100"):
        services.set_fields(phase, {"progress": given}, actor="bob")


def test_a_task_is_added_first_last_or_after_another(phase: Phase, task: Task) -> None:
    services.add_task(phase, "Last", actor="alice")
    services.add_task(phase, "First", first=True, actor="alice")
    services.add_task(phase, "Second", after=Task.objects.get(text="First"), actor="alice")
    texts = Task.objects.order_by("position").values_list("text", flat=True)
    assert list(texts) == ["First", "Second", "Write the text", "Last"]


def test_an_item_cannot_be_moved_below_itself(phase: Phase, task: Task) -> None:
    below = services.add_task(task, "Below", actor="alice")
    with pytest.raises(InvalidPlace, match="below itself"):
        services.move(task, parent=below, after=None, actor="alice")


def test_an_item_cannot_be_moved_into_another_plan(task: Task) -> None:
    other = services.create_plan("Other", actor="alice")
    stranger = services.add_task(other, "There", actor="alice")
    with pytest.raises(InvalidPlace, match="another plan"):
        services.move(task, parent=stranger, after=None, actor="alice")


def test_a_phase_cannot_stand_below_a_task(phase: Phase, task: Task) -> None:
    with pytest.raises(InvalidPlace, match="below a task"):
        services.move(phase, parent=task, after=None, actor="alice")


def test_deleting_a_phase_puts_all_below_it_into_the_bin(phase: Phase, task: Task) -> None:
    services.delete(phase, actor="alice")
    assert not Phase.objects.live().exists()
    assert not Task.objects.live().exists()
    assert Entry.objects.filter(action="deleted").count() == 2
    with pytest.raises(NotFound):
        services.set_fields(task, {"status": "done"}, actor="bob")


def test_a_deleted_plan_comes_back(plan: Plan, task: Task) -> None:
    services.delete_plan(plan, actor="alice")
    assert not Plan.objects.live().exists()
    services.restore_plan(plan, actor="alice")
    assert Plan.objects.live().get().pk == plan.pk


@pytest.mark.django_db(transaction=True)
def test_followers_hear_of_a_change_after_its_commit() -> None:
    heard: list[tuple[int, frozenset[object]]] = []

    def listen(*, plan_ids: frozenset[object], **_: object) -> None:
        heard.append((Plan.objects.count(), plan_ids))

    signals.recorded.connect(listen)
    try:
        plan = services.create_plan("Launch", actor="alice")
    finally:
        signals.recorded.disconnect(listen)
    assert heard == [(1, frozenset({plan.pk}))]


def test_an_item_cannot_be_moved_to_the_top_of_another_plan(task: Task) -> None:
    other = services.create_plan("Other", actor="alice")
    with pytest.raises(InvalidPlace, match="another plan"):
        services.move(task, parent=other, after=None, actor="alice")
