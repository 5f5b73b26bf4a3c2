"""Every address of the API, every page, every topic, for every role and for nobody, as docs/roles.md says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.test import override_settings
from django.urls import reverse

from audit.models import Operation
from conflicts.models import Conflict
from planning_sync.api.routes import OPEN, SIGNED_IN, all_routes
from planning_sync.dashboard.urls import urlpatterns
from planning_sync.live import topics
from planning_sync.roles.table import ROLES
from planning_sync.sync.models import Replica
from plans import services
from plans.models import Task
from tests.planning_sync.roles.people import EVERYBODY, NOBODY, clash, client_of, may, somebody
from tests.planning_sync.sync.workbench import Workbench

DOCS = Path(__file__).resolve().parents[3] / "docs"
UNKNOWN = UUID(int=1)

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def expected(who: str, need: str) -> str:
    """What the table says of somebody and what an address needs."""
    if need == OPEN:
        return "let in"
    if who == NOBODY:
        return "sign in"
    return "let in" if need == SIGNED_IN or may(who, need) else "forbidden"


# ---------------------------------------------------------------------------------------------- API


def address(path: str) -> str:
    filled = re.sub(r"<uuid:\w+>", str(UNKNOWN), path)
    filled = re.sub(r"<int:\w+>", "987654", filled)
    assert "<" not in filled, f"{path} holds something that this test does not know"
    return f"/api/v1/{filled}"


def answered(status: int) -> str:
    return {401: "sign in", 403: "forbidden"}.get(status, "let in")


@pytest.mark.parametrize("who", EVERYBODY)
def test_every_address_of_the_api_lets_in_whom_the_table_says(who: str) -> None:
    client = client_of(somebody(who))
    wrong = {}
    signing_in = {"auth-token", "auth-refresh"}  # their 401 is about what was sent
    for route in all_routes():
        for method, need in route.needs.items():
            if route.name in signing_in:
                continue
            answer = client.generic(method, address(route.path), b"{}", content_type="application/json")
            if answered(answer.status_code) != expected(who, need) or answer.status_code >= 500:
                wrong[f"{method} {route.path}"] = (answer.status_code, need, expected(who, need))
    assert not wrong


def test_every_address_of_the_api_needs_something_that_a_role_has() -> None:
    needs = {need for route in all_routes() for need in route.needs.values()} - {OPEN, SIGNED_IN}
    assert needs <= set().union(*ROLES.values())


# -------------------------------------------------------------------------------------------- pages


class Page(NamedTuple):
    name: str
    method: str
    needs: tuple[str, ...]
    """Permissions; none where it is enough to be signed in."""


def told() -> list[Page]:
    """The pages as docs/roles.md has them."""
    rows = re.findall(r"^\| `(\w+)` \| (GET|POST) \| (.+) \|$", (DOCS / "roles.md").read_text(), re.MULTILINE)
    return [Page(name, method, tuple(re.findall(r"[\w.]+\.\w+", need))) for name, method, need in rows]


def test_every_page_is_in_the_table() -> None:
    assert {page.name for page in told()} == {pattern.name for pattern in urlpatterns}


@pytest.fixture
def desk(tmp_path: Path) -> Workbench:
    """With a plan, a conflict over one of its tasks, and another one in the bin."""
    desk = Workbench.at(tmp_path / "plans")
    desk.write("Launch.md", "# Launch\n\n## Release\n\n- [ ] Launch other\n- [ ] Binned\n")
    desk.sync()
    clash(desk, "Launch")
    services.delete(desk.task("Binned"), actor="alice")
    return desk


OF_A_PLAN = (
    *("plan", "plan_document", "plan_board", "plan_timeline", "plan_graph", "plan_edit"),
    *("plan_add", "plan_move", "plan_delete", "tick", "plan_validation", "plan_fix"),
)
OF_A_REPLICA = (
    *("replica", "replica_act", "replica_link", "replica_preview", "replica_remove"),
    *("replica_unpaired", "replica_pairs", "replica_first"),
)


def page_address(name: str) -> str:
    task, binned = Task.objects.get(text="Launch other"), Task.objects.get(text="Binned")
    edit = Operation.objects.filter(kind=Operation.Kind.EDIT).earliest("started_at")
    known: dict[str, list[Any]] = {
        **{page: [task.plan_id] for page in OF_A_PLAN},
        "phase": [task.plan_id, task.phase_id],
        "task": [task.plan_id, task.pk],
        "history": [task.plan_id],
        "history_difference": [task.plan_id],
        "history_restore": [task.plan_id],
        "task_history": [task.plan_id, task.pk],
        "task_restore": [task.plan_id, task.pk],
        "operation": [edit.pk],
        "operation_undo": [edit.pk],
        "bin_restore": [binned.pk],
        "automatic_ask": [987654],
        "conflict": [Conflict.objects.get().pk],
        **{page: [Replica.objects.get().pk] for page in OF_A_REPLICA},
    }
    return f"{reverse(f'dashboard:{name}', args=known.get(name, []))}?operation={edit.pk}"


def page_answer(answer: Any) -> str:
    if answer.status_code == 302 and answer.headers["Location"].startswith("/login/"):
        return "sign in"
    return "forbidden" if answer.status_code == 403 else "let in"


@pytest.mark.parametrize("who", EVERYBODY)
@override_settings(PLANNING_SYNC_FOLLOW=False)
def test_every_page_lets_in_whom_the_table_says(who: str, desk: Workbench) -> None:
    client = client_of(somebody(who))
    wrong = {}
    for page in told():
        answer = client.generic(page.method, page_address(page.name))
        right = {expected(who, need) for need in page.needs or (SIGNED_IN,)}
        worst = next(each for each in ("sign in", "forbidden", "let in") if each in right)
        if page_answer(answer) != worst or answer.status_code >= 500:
            wrong[page] = (answer.status_code, worst)
    assert not wrong


# ----------------------------------------------------------------------------------- administration


@pytest.mark.parametrize("who", EVERYBODY)
def test_every_page_of_the_administration_lets_in_whom_the_table_says(who: str, desk: Workbench) -> None:
    visitor, staff = client_of(somebody(who)), client_of(somebody(who, staff=True))
    wrong = {}
    for model in admin.site._registry:
        app, name = model._meta.app_label, model._meta.model_name
        rights = {
            action for action in ("add", "change", "delete", "view") if may(who, f"{app}.{action}_{name}")
        }
        live = {"deleted_at": None} if hasattr(model, "deleted_at") else {}
        row = model._default_manager.filter(**live).first()
        pages: dict[str, tuple[list[Any], set[str]]] = {
            f"{app}_{name}_changelist": ([], {"view", "change"}),
            f"{app}_{name}_add": ([], {"add"}),
        }
        if row is not None:
            pages[f"{app}_{name}_change"] = ([row.pk], {"view", "change"})
            pages[f"{app}_{name}_delete"] = ([row.pk], {"delete"})
        for page, (args, any_of) in pages.items():
            where = reverse(f"admin:{page}", args=args)
            outside, inside = visitor.get(where).status_code, staff.get(where).status_code
            let_in = bool(rights & any_of) and who != NOBODY
            # What only services write is refused even to those whom the table lets in.
            right = inside in ((200, 403) if let_in and any_of <= {"add", "delete"} else (200,))
            if outside != 302 or not (right if let_in else inside == (302 if who == NOBODY else 403)):
                wrong[page] = (outside, inside, let_in)
    assert not wrong


# ------------------------------------------------------------------------------------------- topics


@pytest.mark.parametrize("who", EVERYBODY)
def test_every_topic_is_told_to_whom_the_table_says(who: str) -> None:
    rows = re.findall(r"^\| `([\w.]+)\.\*`.* \| `([\w.]+)` \|$", (DOCS / "live.md").read_text(), re.MULTILINE)
    needs = {"plan": "plans.view_plan", "conflict": "conflicts.view_conflict", "sync": "audit.view_operation"}
    assert dict(rows) == needs
    families = {"plan": topics.PLAN, "conflict": topics.CONFLICTS, "sync": topics.OPERATIONS}
    allowed = topics.allowed_to(somebody(who) or AnonymousUser())
    assert allowed.families == {families[name] for name, need in needs.items() if may(who, need)}
    asked = ["all", "conflicts", "operations", f"plan:{UNKNOWN}"]
    refused = topics.refused(asked, allowed)
    assert refused == ([] if who in ROLES else asked)
