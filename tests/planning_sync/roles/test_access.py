"""Limits to replicas: what is out of sight is nowhere, and limits do not go away by themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import IntegrityError, transaction
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from audit import sight
from audit.models import Entry, Operation
from conflicts.models import Conflict
from planning_sync.api import services as keys
from planning_sync.api.routes import all_routes
from planning_sync.live import topics
from planning_sync.live.events import Event
from planning_sync.live.places import placed
from planning_sync.roles import access, services
from planning_sync.roles.errors import KnownLimit, LimitedPerson
from planning_sync.roles.models import ReplicaAccess
from planning_sync.roles.table import ROLES
from planning_sync.sync.models import Link, Replica
from plans.models import Phase, Plan, Task
from tests.planning_sync.live.logbook import changed, write
from tests.planning_sync.roles.people import SECRET, TwoReplicas, client_of, somebody
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(tmp_path: Path) -> TwoReplicas:
    return TwoReplicas.at(tmp_path)


@pytest.fixture
def dora() -> User:
    """An administrator whom nothing limits."""
    return User.objects.create_superuser("dora")


@pytest.fixture
def bob(two: TwoReplicas, dora: User) -> User:
    """May do everything that roles allow, and is limited to the notes."""
    user = User.objects.create_user("bob", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=ROLES))
    services.limit(user, two.notes.row, by=dora, actor="dora")
    return user


def fresh(user: User) -> User:
    """As the next request gets the person: without what was asked before."""
    return User.objects.get(pk=user.pk)


def ids(user: User) -> set[UUID] | None:
    found = access.replica_ids(fresh(user))
    return None if found is None else set(found)


# --------------------------------------------------------------------------------------- who is limited


def test_without_a_limit_everything_is_seen(two: TwoReplicas) -> None:
    user = User.objects.create_user("charlie")
    assert ids(user) is None
    assert sight.shown(Plan.objects.all(), user).count() == 2
    assert access.replica_ids(AnonymousUser()) is None


def test_a_person_is_limited_by_own_rows_and_by_those_of_groups_together(
    two: TwoReplicas, dora: User
) -> None:
    user, group = User.objects.create_user("charlie"), Group.objects.create(name="guests")
    user.groups.add(group)
    services.limit(group, two.notes.row, by=dora, actor="dora")
    assert ids(user) == {two.notes.row.pk}
    services.limit(user, two.hidden.row, by=dora, actor="dora")
    assert ids(user) == {two.notes.row.pk, two.hidden.row.pk}
    for row in ReplicaAccess.objects.all():
        services.lift(row, by=dora, actor="dora")
    assert ids(user) is None


def test_a_replica_that_is_deleted_does_not_widen_what_is_seen(bob: User, two: TwoReplicas) -> None:
    Replica.objects.filter(pk=two.notes.row.pk).delete()
    assert ids(bob) == set()
    assert sight.shown(Plan.objects.all(), fresh(bob)).count() == 0


def test_superusers_are_not_limited(two: TwoReplicas, dora: User) -> None:
    services.limit(dora, two.notes.row, by=dora, actor="dora")
    assert ids(dora) is None


def test_who_is_limited_sees_and_makes_only_keys_as_limited(bob: User, two: TwoReplicas, dora: User) -> None:
    for name, replicas in (("all", []), ("hidden", [two.hidden.row]), ("mine", [two.notes.row])):
        keys.make_key(name, owner=dora, actor="dora", replicas=replicas)
    client = client_of(bob)
    assert [key["name"] for key in client.get("/api/v1/keys").json()["results"]] == ["mine"]
    body = {"name": "new", "replicas": [two.hidden.row.name]}
    assert client.post("/api/v1/keys", body, content_type="application/json").status_code == 400
    made = client.post("/api/v1/keys", {"name": "new"}, content_type="application/json").json()
    assert (made["limited"], made["replicas"]) == (True, ["notes"])
    assert SECRET not in client.get(reverse("admin:api_apikey_add")).content.decode()


def test_who_is_limited_changes_no_policy_in_the_administration(bob: User, two: TwoReplicas) -> None:
    add = reverse("admin:conflicts_policy_add")
    assert client_of(bob).get(add).status_code == 403
    free = somebody("administrator", staff=True)
    assert client_of(free).get(add).status_code == 200


def test_who_is_limited_changes_no_limits(bob: User, two: TwoReplicas) -> None:
    with pytest.raises(LimitedPerson):
        services.limit(bob, two.hidden.row, by=fresh(bob), actor="bob")
    with pytest.raises(LimitedPerson):
        services.lift(ReplicaAccess.objects.get(), by=fresh(bob), actor="bob")
    client = client_of(bob)
    row = ReplicaAccess.objects.get()
    assert client.get("/api/v1/access").status_code == 403
    assert client.delete(f"/api/v1/access/{row.pk}").status_code == 403
    assert client.get(reverse("admin:roles_replicaaccess_add")).status_code == 403
    gone = client.post(reverse("admin:roles_replicaaccess_delete", args=[row.pk]), {"post": "yes"})
    assert gone.status_code in (302, 403)
    assert ReplicaAccess.objects.filter(pk=row.pk).exists()


def test_a_limit_is_there_once_and_is_of_one_person_or_one_group(
    bob: User, two: TwoReplicas, dora: User
) -> None:
    with pytest.raises(KnownLimit):
        services.limit(bob, two.notes.row, by=dora, actor="dora")
    for owner in ({}, {"user": bob, "group": Group.objects.get(name="reader")}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ReplicaAccess.objects.create(replica=two.notes.row, created_at=timezone.now(), **owner)


def test_limits_are_in_the_log(bob: User, dora: User) -> None:
    services.lift(ReplicaAccess.objects.get(), by=dora, actor="dora")
    rows = Entry.objects.filter(field="replica", item_kind="user").order_by("pk")
    told = [(row.action, row.after, row.operation.actor) for row in rows]
    after = {"name": "bob", "replica": "notes"}
    assert told == [("granted", after, "dora"), ("revoked", after, "dora")]


def test_limits_are_set_and_lifted_through_the_api(two: TwoReplicas, dora: User) -> None:
    client, user = client_of(dora), User.objects.create_user("charlie")
    body = {"user": "charlie", "replica": two.notes.row.name}
    made = client.post("/api/v1/access", body, content_type="application/json")
    assert (made.status_code, made.json()["replica"]) == (201, "notes")
    assert ids(user) == {two.notes.row.pk}
    assert client.post("/api/v1/access", body, content_type="application/json").status_code == 409
    assert client.get(made.headers["Location"]).json() == made.json()
    assert client.get("/api/v1/access").json() == {"results": [made.json()]}
    assert client.delete(made.headers["Location"]).status_code == 204
    assert ids(user) is None


@pytest.mark.parametrize(
    "body",
    [
        {"replica": "notes"},
        {"user": "charlie", "group": "reader", "replica": "notes"},
        {"user": "nobody", "replica": "notes"},
        {"group": "nobody", "replica": "notes"},
        {"user": "dora", "replica": "nowhere"},
        {"user": "dora"},
    ],
)
def test_a_limit_that_names_nothing_is_refused(two: TwoReplicas, dora: User, body: dict[str, str]) -> None:
    answer = client_of(dora).post("/api/v1/access", body, content_type="application/json")
    assert answer.status_code == 400
    assert not ReplicaAccess.objects.exists()


def test_limits_are_set_and_lifted_in_the_administration(two: TwoReplicas, dora: User) -> None:
    client, user = client_of(dora), User.objects.create_user("charlie")
    form = {"user": user.pk, "group": "", "replica": str(two.notes.row.pk)}
    assert client.post(reverse("admin:roles_replicaaccess_add"), form).status_code == 302
    assert ids(user) == {two.notes.row.pk}
    assert client.post(reverse("admin:roles_replicaaccess_add"), {**form, "user": ""}).status_code == 200
    row = ReplicaAccess.objects.get()
    client.post(reverse("admin:roles_replicaaccess_delete", args=[row.pk]), {"post": "yes"})
    assert ids(user) is None
    assert Entry.objects.filter(action="revoked", field="replica").count() == 1


def test_a_key_sees_no_more_than_its_owner(bob: User, two: TwoReplicas) -> None:
    for replicas, seen in (([], ["Launch"]), ([two.hidden.row], []), ([two.notes.row], ["Launch"])):
        made = keys.make_key(
            f"key-{len(seen)}-{len(replicas)}-{uuid4()}", owner=bob, actor="bob", replicas=replicas
        )
        headers = {"Authorization": f"Bearer {made.secret}"}
        found = Client().get("/api/v1/plans", headers=headers).json()["results"]
        assert [plan["title"] for plan in found] == seen


# ------------------------------------------------------------------------------------- what is seen


def test_each_kind_of_row_is_limited_as_it_says(bob: User, two: TwoReplicas) -> None:
    write([changed(two.hidden.plan(f"{SECRET}.md").pk)])
    mine = write([changed(two.notes.plan("Launch.md").pk)])
    seen = {
        model: set(sight.shown(model._default_manager.all(), bob).values_list("pk", flat=True))
        for model in (Replica, Link, Plan, Phase, Task, Conflict, Entry, Operation)
    }
    notes = two.notes.row
    plan = two.notes.plan("Launch.md")
    assert seen[Replica] == {notes.pk}
    assert seen[Link] == set(Link.objects.filter(replica=notes).values_list("pk", flat=True))
    assert seen[Plan] == {plan.pk}
    assert seen[Phase] == set(Phase.objects.filter(plan=plan).values_list("pk", flat=True))
    assert seen[Task] == set(Task.objects.filter(plan=plan).values_list("pk", flat=True))
    assert seen[Conflict] == set(Conflict.objects.filter(replica_id=notes.pk).values_list("pk", flat=True))
    assert seen[Entry] == set(Entry.objects.filter(plan_id=plan.pk).values_list("pk", flat=True))
    of_mine = Operation.objects.filter(entries__plan_id=plan.pk).values_list("pk", flat=True)
    assert seen[Operation] == set(of_mine) | set(
        Operation.objects.filter(replica_id=notes.pk).values_list("pk", flat=True)
    )
    assert mine.pk in seen[Operation]


def test_every_model_with_a_list_says_whether_it_is_limited() -> None:
    """A new one has to be thought of: it is named in `SEEN`, or here, as having nothing to hide."""
    open_to_all = {
        *("audit.seal", "auth.user", "auth.group", "conflicts.learnedmodel"),
        *("django_q.schedule", "django_q.success", "django_q.failure", "django_q.ormq"),
    }
    listed = {model._meta.label_lower for model in admin.site._registry}
    assert listed <= open_to_all | access.SEEN.keys()
    assert not open_to_all & access.SEEN.keys()


def hidden_ids(two: TwoReplicas) -> dict[str, Any]:
    """By the name of the part of an address, what lies out of sight."""
    plan = two.hidden.plan(f"{SECRET}.md")
    task, phase = Task.objects.filter(plan=plan).first(), Phase.objects.get(plan=plan)
    operation = Operation.objects.filter(replica_id=two.hidden.row.pk).first()
    assert task is not None
    assert operation is not None
    return {
        "plan_id": plan.pk,
        "task_id": task.pk,
        "phase_id": phase.pk,
        "item_id": task.pk,
        "replica_id": two.hidden.row.pk,
        "operation_id": operation.pk,
        "conflict_id": Conflict.objects.get(replica_id=two.hidden.row.pk).pk,
    }


@override_settings(PLANNING_SYNC_FOLLOW=False)
def test_no_address_of_the_api_tells_or_touches_what_is_out_of_sight(bob: User, two: TwoReplicas) -> None:
    client, known = client_of(bob), hidden_ids(two)
    before = state()
    wrong = {}
    for route in all_routes():
        names = re.findall(r"<\w+:(\w+)>", route.path)
        path = re.sub(r"<\w+:(\w+)>", lambda found: str(known.get(found[1], uuid4())), route.path)
        for method in route.needs:
            if "user_id" in names:
                continue
            body = json.dumps({"text": "x"}).encode() if method == "PATCH" else b"{}"
            answer = client.generic(method, f"/api/v1/{path}", body, content_type="application/json")
            shown = b"".join(answer) if answer.streaming else answer.content
            found = names and answer.status_code not in (400, 403, 404, 405, 409, 422)
            if SECRET.encode() in shown or found or answer.status_code >= 500:
                wrong[f"{method} {route.path}"] = answer.status_code, shown[:300]
    assert not wrong
    assert state() == before


def state() -> Any:
    return (
        list(Plan.objects.order_by("pk").values()),
        list(Task.objects.order_by("pk").values()),
        list(Phase.objects.order_by("pk").values()),
        list(Conflict.objects.order_by("pk").values("pk", "state", "assigned_to", "postponed_until")),
        list(Replica.objects.filter(path__contains=SECRET).values()),
    )


def test_the_same_walk_finds_the_secret_where_nothing_is_limited(two: TwoReplicas, dora: User) -> None:
    """So that the walk above is known to look where there is something to be seen."""
    client = client_of(dora)
    for path in ("plans", "tasks", "phases", "conflicts", "replicas", "operations", "audit"):
        assert SECRET in client.get(f"/api/v1/{path}").content.decode(), path
    for address in pages(two):
        if "conflicts/undo" not in address and "news" not in address:
            assert SECRET in client.get(address).content.decode(), address


def pages(two: TwoReplicas) -> Iterator[str]:
    known = hidden_ids(two)
    yield from (
        reverse(f"dashboard:{name}") for name in ("plans", "conflicts", "conflicts_undo", "conflicts_news")
    )
    yield reverse("dashboard:plan", args=[known["plan_id"]])
    yield reverse("dashboard:task", args=[known["plan_id"], known["task_id"]])
    yield reverse("dashboard:conflict", args=[known["conflict_id"]])


def test_no_page_shows_what_is_out_of_sight(bob: User, two: TwoReplicas) -> None:
    client = client_of(bob)
    plan, conflict = (str(hidden_ids(two)[name]) for name in ("plan_id", "conflict_id"))
    for address in pages(two):
        answer = client.get(address)
        assert SECRET not in answer.content.decode(), address
        assert (answer.status_code == 404) is (plan in address or conflict in address)
    assert f"{SECRET}.md" not in client.get("/", {"q": SECRET}).content.decode()
    assert client.get(reverse("dashboard:conflicts_news")).json()["waiting"] == 1
    assert "Launch" in client.get("/").content.decode()


@override_settings(PLANNING_SYNC_FOLLOW=False)
def test_no_page_changes_what_is_out_of_sight(bob: User, two: TwoReplicas) -> None:
    client, known, before = client_of(bob), hidden_ids(two), state()
    plan, task, conflict = known["plan_id"], known["task_id"], str(known["conflict_id"])
    tries = [
        (reverse("dashboard:tick", args=[plan]), {"done": str(task)}),
        (reverse("dashboard:task", args=[plan, task]), {"status": "done"}),
        (reverse("dashboard:conflict", args=[conflict]), {"act": "assign_me"}),
        (reverse("dashboard:conflicts_bulk"), {"act": "assign_me", "chosen": conflict}),
        (reverse("admin:conflicts_conflict_change", args=[conflict]), {"act": "assign_me"}),
        (reverse("admin:plans_task_change", args=[task]), {"text": "x"}),
        (reverse("admin:plans_task_delete", args=[task]), {"post": "yes"}),
        (reverse("admin:sync_replica_delete", args=[known["replica_id"]]), {"post": "yes"}),
    ]
    for address, form in tries:
        answer = client.post(address, form)
        assert SECRET not in answer.content.decode(), address
    bulk = {"act": "assign_me", "ids": conflict, "confirm": "yes"}
    for address in (reverse("dashboard:conflicts_bulk"), reverse("admin:conflicts_conflict_bulk")):
        asked = client.post(address, bulk)
        shown = (asked.context or {}).get("bulk") if asked.context else None
        again = {**bulk, "fingerprint": shown.fingerprint if shown else ""}
        assert SECRET not in client.post(address, again).content.decode()
    assert state() == before


def test_no_list_of_the_administration_shows_what_is_out_of_sight(bob: User, two: TwoReplicas) -> None:
    client = client_of(bob)
    shown = []
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        answer = client.get(reverse(f"{name}_changelist"))
        if answer.status_code == 200 and SECRET in answer.content.decode():
            shown.append(name)
        for row in model._default_manager.all():
            if model._meta.label_lower in access.SEEN and not sight.shown(
                model._default_manager.filter(pk=row.pk), bob
            ):
                there = client.get(reverse(f"{name}_change", args=[row.pk]))
                if there.status_code == 200 or SECRET in there.content.decode():
                    shown.append(f"{name} {row.pk}")
    assert shown == []


# -------------------------------------------------------------------------------------- live updates


def view(user: User) -> topics.View:
    return topics.view_of(["all"], topics.allowed_to(fresh(user)))


def event(kind: str, **about: Any) -> Event:
    return Event(kind, timezone.now(), uuid4(), "alice", "", **about)


def test_live_updates_tell_of_nothing_out_of_sight(bob: User, two: TwoReplicas, dora: User) -> None:
    for desk, seen in ((two.notes, True), (two.hidden, False)):
        conflict = Conflict.objects.get(replica_id=desk.row.pk)
        plan = conflict.plan_id
        news = [
            event("plan.modified", plan=plan),
            event("conflict.detected", plan=plan, conflict=str(conflict.pk)),
            event("sync.completed", replica=desk.row.pk),
            event("plan.modified", plan=uuid4(), replica=desk.row.pk),
        ]
        assert [view(bob).shows(each) for each in placed(tuple(news))] == [seen] * 4
        assert all(view(dora).shows(each) for each in placed(tuple(news)))
    nowhere = placed((event("plan.modified", plan=uuid4()), event("operation.undone")))
    assert [view(bob).shows(each) for each in nowhere] == [False, False]


def test_a_plan_of_several_replicas_is_told_to_the_people_of_each(
    bob: User, two: TwoReplicas, tmp_path: Path
) -> None:
    third = Workbench.at(tmp_path / "third")
    plan = two.notes.plan("Launch.md")
    Link.objects.create(replica=third.row, plan=plan, path="a.md", seen=b"", synced_at=timezone.now())
    (told,) = placed((event("plan.modified", plan=plan.pk, replica=third.row.pk),))
    assert view(bob).shows(told)


def test_while_nobody_is_limited_events_cost_one_query(
    two: TwoReplicas, django_assert_num_queries: Any
) -> None:
    news = tuple(event("plan.modified", plan=uuid4()) for _ in range(50))
    with django_assert_num_queries(1):
        assert placed(news) is news


def test_a_limited_operator_is_refused_what_is_about_every_replica(bob: User) -> None:
    client = client_of(bob)
    for address in ("webhooks", "access", "logs"):
        assert client.get(f"/api/v1/{address}").status_code == 403
    made = client.post("/api/v1/plans", {"title": "New"}, content_type="application/json")
    assert made.status_code == 403


def test_somebody_with_a_role_alone_is_not_limited_by_the_limits_of_others(bob: User) -> None:
    reader = somebody("reader")
    assert reader is not None
    assert ids(reader) is None
