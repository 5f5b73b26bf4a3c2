"""Before and at the first link, over the API: the proof, what waits, who is who, and the link."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from planning_sync.sync.models import Replica, Unpaired
from plans.models import Plan
from tests.api.conftest import LAUNCH
from tests.api.programs import Program, person
from tests.planning_sync.sync.workbench import Workbench


@pytest.fixture
def root(tmp_path: Path, settings: Any) -> Path:
    """Where replicas may be added, with a copy of the hub's plan in which a task is ticked."""
    folder = tmp_path / "root" / "copy"
    folder.mkdir(parents=True)
    (folder / "launch.md").write_text(LAUNCH.replace("- [ ] Tag", "- [x] Tag"))
    settings.PLANNING_SYNC_REPLICA_ROOTS = [tmp_path / "root"]
    return folder


@pytest.fixture
def copy(desk: Workbench, root: Path) -> Workbench:
    """That copy as a replica whose plan waits."""
    copy = Workbench.at(root)
    copy.age("launch.md")
    assert copy.sync().unpaired == 1
    return copy


def test_a_round_trip_is_proved_before_anything_is_added(
    desk: Workbench, operator: Program, root: Path
) -> None:
    proof = operator.post("replicas/prove", {"path": str(root)}, status=200)
    assert (proof["plans"], proof["tasks"], proof["holds"], proof["complete"]) == (1, 4, True, True)
    assert Replica.objects.count() == 1
    rest = operator.post("replicas/prove", {"path": str(root), "after": proof["last"]}, status=200)
    assert rest["plans"] == 0


def test_no_place_is_proved_elsewhere(desk: Workbench, operator: Program, root: Path) -> None:
    problem = operator.post("replicas/prove", {"path": str(desk.folder)}, status=409)
    assert "PLANNING_SYNC_REPLICA_ROOTS" in problem["detail"]
    problem = operator.post("replicas/prove", {"path": str(root / "nothing")}, status=400)
    assert list(problem["errors"]) == ["path"]


def test_what_waits_is_looked_at_and_linked(copy: Workbench, operator: Program) -> None:
    (waiting,) = operator.get(f"replicas/{copy.row.pk}/unpaired")["results"]
    asked = {"path": waiting["path"], "plan": waiting["plan"]}
    pairs = operator.post(f"replicas/{copy.row.pk}/pairs", asked, status=200)
    assert [(each["field"], each["replica"]) for each in pairs["differences"]] == [("status", "done")]
    link = {**asked, "fingerprint": pairs["fingerprint"], "take": "hub"}
    told = operator.post(f"replicas/{copy.row.pk}/link", {"links": [link]}, status=200)
    assert (told["linked"], told["failed"]) == (["launch.md"], [])
    assert "- [ ] Tag" in copy.read("launch.md")
    assert Plan.objects.count() == 1


def test_pairs_that_changed_meanwhile_are_not_linked(copy: Workbench, operator: Program) -> None:
    plan = Plan.objects.get()
    link = {"path": "launch.md", "plan": str(plan.pk), "fingerprint": "0" * 16}
    told = operator.post(f"replicas/{copy.row.pk}/link", {"links": [link]}, status=200)
    assert told["linked"] == []
    assert "changed since" in told["failed"][0]["reason"]


def test_what_is_another_plan_is_imported(copy: Workbench, operator: Program) -> None:
    operator.post(f"replicas/{copy.row.pk}/link", {"as_new": ["launch.md"]}, status=200)
    assert Plan.objects.count() == 2


def test_a_limited_person_sees_no_plan_of_another_replica_in_what_waits(copy: Workbench) -> None:
    from planning_sync.roles import services as roles

    limited = person("lena", "operator")
    roles.limit(limited, copy.row, by=person("root", "administrator"), actor="root")
    lena = Program.of(limited)
    assert lena.get(f"replicas/{copy.row.pk}/unpaired")["results"] == []
    plan = Unpaired.objects.get().plan_id
    asked = {"path": "launch.md", "plan": str(plan)}
    lena.post(f"replicas/{copy.row.pk}/pairs", asked, status=404)
    told = {"links": [{**asked, "fingerprint": "0" * 16}]}
    lena.post(f"replicas/{copy.row.pk}/link", told, status=404)
