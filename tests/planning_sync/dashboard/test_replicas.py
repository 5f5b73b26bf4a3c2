"""The pages of replicas: the list, one of them, its acts, the wizard that adds one, and plans to pair."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import Entry, Operation
from planning_sync.replicas import http
from planning_sync.sync.models import Link, Replica, Unpaired
from plans.models import Plan
from tests.planning_sync.dashboard.people import field_in, page, signed_in, text_of, told
from tests.planning_sync.replicas.service_double import ServiceDouble
from tests.planning_sync.sync.test_undo import LAUNCH
from tests.planning_sync.sync.workbench import Workbench

SERVICE = "http://127.0.0.1:9/api"


@pytest.fixture
def otto(launch: Workbench) -> Client:
    return signed_in("otto", "operator")


@pytest.fixture
def root(tmp_path: Path, settings: Any) -> Path:
    """Where replicas may be added, with a folder of a plan that the hub does not know."""
    root = tmp_path / "root"
    (root / "garden").mkdir(parents=True)
    (root / "garden" / "garden.md").write_text("# Garden\n\n- [ ] Cut the hedge\n- [?] Ask the neighbour\n")
    settings.PLANNING_SYNC_REPLICA_ROOTS = [root]
    return root


def of(name: str, *args: Any) -> str:
    return reverse(f"dashboard:{name}", args=args)


def place(folder: Path | str, **more: str) -> dict[str, str]:
    return {"kind": "markdown", "path": str(folder), "include": "", "exclude": "", "more": "", **more}


# --------------------------------------------------------------------------------- the list, and one


def test_the_list_tells_how_each_replica_stands(launch: Workbench, otto: Client) -> None:
    launch.sync()
    shown = text_of(page(otto, of("replicas")))
    assert "plans" in shown
    assert str(launch.folder) in shown
    assert "in step" in shown


def test_a_replica_that_lacks_an_edit_is_behind(launch: Workbench, otto: Client) -> None:
    plan = launch.plan("launch.md")
    launch.set(launch.texts("launch.md")[0], status="blocked")
    for address in (of("replicas"), of("replica", launch.row.pk)):
        assert "1 plan," in text_of(page(otto, address))
    assert plan.title in text_of(page(otto, of("replica", launch.row.pk) + "?state=behind"))


def test_a_sync_from_the_page_writes_what_its_preview_showed(launch: Workbench, otto: Client) -> None:
    text = launch.texts("launch.md")[0]
    launch.set(text, status="done")
    before = launch.read("launch.md")
    shown = text_of(page(otto, of("replica_preview", launch.row.pk)))
    assert f"added: - [x] **1.1** {text}" in shown
    assert launch.read("launch.md") == before
    otto.post(of("replica_act", launch.row.pk), {"act": "sync"})
    assert f"- [x] **1.1** {text}" in launch.read("launch.md")


def test_what_went_wrong_in_a_sync_is_told(launch: Workbench, otto: Client) -> None:
    launch.write("launch.md", b"")
    answer = otto.post(of("replica_act", launch.row.pk), {"act": "sync"}, follow=True)
    assert "empty" in told(answer)
    assert "A guard refused" in text_of(answer.content.decode())


def test_a_replica_is_switched_off_and_on(launch: Workbench, otto: Client) -> None:
    for act, enabled in (("off", False), ("on", True)):
        otto.post(of("replica_act", launch.row.pk), {"act": act})
        launch.row.refresh_from_db()
        assert launch.row.enabled is enabled
    assert Entry.objects.filter(item_kind="replica").count() == 2


def test_a_plan_is_unlinked_and_linked_again(launch: Workbench, otto: Client) -> None:
    link = Link.objects.get()
    for act, released in (("release", True), ("attach", False)):
        otto.post(of("replica_link", launch.row.pk), {act: str(link.pk)})
        link.refresh_from_db()
        assert (link.released_at is not None) == released


@pytest.mark.parametrize(("plans", "live"), [("bin", 0), ("keep", 1)])
def test_a_replica_that_is_switched_off_is_removed_and_its_files_stay(
    launch: Workbench, otto: Client, plans: str, live: int
) -> None:
    address = of("replica_remove", launch.row.pk)
    otto.post(address, {"plans": plans})
    assert Replica.objects.exists()
    otto.post(of("replica_act", launch.row.pk), {"act": "off"})
    assert str(launch.folder) in text_of(page(otto, address))
    otto.post(address, {"plans": plans})
    assert not Replica.objects.exists()
    assert Plan.objects.live().count() == live
    assert launch.read("launch.md") == LAUNCH


def test_a_form_that_names_no_act_changes_nothing(launch: Workbench, otto: Client) -> None:
    for name in ("replica_act", "replica_link", "replica_remove"):
        assert otto.post(of(name, launch.row.pk), {"act": "drop", "release": "x"}).status_code == 400


def test_a_replica_out_of_sight_is_not_there(launch: Workbench, tmp_path: Path) -> None:
    other = Workbench.at(tmp_path / "other")
    lena = signed_in("lena", "operator", only=other.row)
    page(lena, of("replica", launch.row.pk), status=404)
    assert str(launch.folder) not in page(lena, of("replicas"))
    assert lena.get(of("replica_add")).status_code == 403


# ---------------------------------------------------------------------------------------- the wizard


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"path": "/etc"}, "PLANNING_SYNC_REPLICA_ROOTS"),
        ({"path": "garden"}, "PLANNING_SYNC_REPLICA_ROOTS"),
        ({"path": "{root}/nothing"}, "cannot be used"),
        ({"more": "{nonsense"}, "no JSON"),
        ({"more": "[1]"}, "JSON object"),
        ({"more": '{"colour": "red"}'}, "colour"),
        ({"kind": "nonsense"}, "nonsense"),
        ({"kind": "taskmaster", "more": '{"binary": "/bin/sh"}'}, "over the network"),
        ({"kind": "list", "path": "https://plans.example.net/api"}, "PLANNING_SYNC_REPLICA_SERVICES"),
        (
            {"kind": "list", "path": SERVICE, "more": '{"scheme": "key", "secret": "abc"}'},
            "never give it",
        ),
    ],
)
def test_a_place_that_cannot_be_added_is_told_why(
    otto: Client, root: Path, settings: Any, said: dict[str, str], expected: str
) -> None:
    settings.PLANNING_SYNC_REPLICA_SERVICES = [SERVICE]
    given = {name: value.replace("{root}", str(root)) for name, value in said.items()}
    answer = otto.get(of("replica_add"), {**place(root / "garden"), **given})
    assert answer.status_code == 200
    assert expected in answer.content.decode()


def test_a_place_that_is_a_replica_already_is_told_so(launch: Workbench, otto: Client, settings: Any) -> None:
    settings.PLANNING_SYNC_REPLICA_ROOTS = [launch.folder.parent]
    assert "already" in otto.get(of("replica_add"), place(launch.folder)).content.decode()


def test_without_a_folder_named_for_it_the_page_says_what_to_do(otto: Client) -> None:
    assert "planning-sync add PATH" in page(otto, of("replica_add"))


def test_the_wizard_proves_adds_and_syncs(otto: Client, root: Path) -> None:
    said = place(root / "garden")
    answer = otto.get(of("replica_add"), said)
    assert answer.headers["Location"].startswith(of("replica_proof"))
    shown = text_of(page(otto, answer.headers["Location"]))
    assert "Not a byte would change" in shown
    assert "garden.md:4" in shown
    assert Replica.objects.count() == 1
    options = f"{of('replica_options')}?{answer.headers['Location'].partition('?')[2]}"
    assert "switched off" in text_of(page(otto, options))
    answer = otto.post(options, {"name": "Our garden", "pairing": "ask"})
    row = Replica.objects.get(name="Our garden")
    assert (row.enabled, row.links.count()) == (False, 0)
    assert answer.headers["Location"] == of("replica_first", row.pk)
    answer = otto.post(of("replica_first", row.pk), follow=True)
    assert "1 plan is linked" in text_of(answer.content.decode())
    assert Plan.objects.filter(title="Garden").exists()


def test_a_service_is_added_by_the_name_of_its_secret(
    otto: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANNING_SYNC_REPLICA_ROADMAP", "s3cr3t")
    plan = b'{"title": "Beta", "items": [{"id": "i1", "title": "Sign in", "status": "planned"}]}'
    with ServiceDouble({"beta": plan}) as double:
        double.accept = lambda told: told.headers.get("x-api-key") == "s3cr3t"
        settings.PLANNING_SYNC_REPLICA_SERVICES = [double.url]
        assert double.url in page(otto, of("replica_add"))
        said = {"kind": "roadmap", "path": double.url}
        assert "does not answer as it should" in otto.get(of("replica_add"), said).content.decode()
        said |= {"scheme": "key", "secret": "env:PLANNING_SYNC_REPLICA_ROADMAP"}
        answer = otto.get(of("replica_add"), said)
        shown = page(otto, answer.headers["Location"])
        assert "Not a byte would change" in text_of(shown)
        otto.post(f"{of('replica_options')}?{urlencode(said)}", {"name": "Roadmap", "pairing": "ask"})
        row = Replica.objects.get(name="Roadmap")
        done = otto.post(of("replica_first", row.pk), follow=True).content.decode()
        assert "1 plan is linked" in text_of(done)
        assert "s3cr3t" not in shown + done + str(row.options)
        assert double.plans == {"beta": plan}
        http.close_all()


def test_a_proof_that_takes_long_goes_on_by_itself(otto: Client, root: Path, monkeypatch: Any) -> None:
    from planning_sync.dashboard import replica_add

    monkeypatch.setattr(replica_add, "PROOF_SECONDS", 0)
    (root / "garden" / "more.md").write_text("# More\n\n- [ ] Rest\n")
    first = otto.get(of("replica_proof"), place(root / "garden")).content.decode()
    assert 'http-equiv="refresh"' in first
    assert "1 / 2" in first
    second = otto.get(of("replica_proof"), place(root / "garden")).content.decode()
    assert 'http-equiv="refresh"' not in second
    assert "Not a byte would change" in second


def test_a_place_inside_of_another_replica_is_warned_of(
    launch: Workbench, otto: Client, settings: Any
) -> None:
    settings.PLANNING_SYNC_REPLICA_ROOTS = [launch.folder.parent]
    (launch.folder / "inner").mkdir()
    assert "overlaps" in page(otto, f"{of('replica_proof')}?path={launch.folder / 'inner'}&kind=markdown")


def test_many_plans_are_left_to_a_worker_that_tells_how_far_it_is(
    otto: Client, root: Path, monkeypatch: Any
) -> None:
    from planning_sync.dashboard import replicas
    from planning_sync.sync import tasks

    monkeypatch.setattr(replicas, "AT_ONCE", 0)
    otto.post(f"{of('replica_options')}?kind=markdown&path={root / 'garden'}", {"pairing": "ask"})
    row = Replica.objects.get(name="garden")
    shown = otto.post(of("replica_first", row.pk), follow=True).content.decode()
    assert "A worker is about to take it up" in shown
    assert 'http-equiv="refresh"' in shown
    operation = Operation.objects.get(replica_id=row.pk, status="running")
    assert tasks.sync_asked(str(operation.pk)) == "in_step"
    assert tasks.sync_asked(str(operation.pk)) == "nothing to do"
    operation.refresh_from_db()
    assert (operation.status, operation.actor) == ("done", "otto")
    assert "1 plan is linked" in text_of(page(otto, of("replica_first", row.pk)))


# ------------------------------------------------------------------------------------ plans to pair


@pytest.fixture
def copy(launch: Workbench, otto: Client, root: Path) -> Workbench:
    """A copy of the hub's plan, with one line more, added by the wizard: it waits."""
    folder = root / "copy"
    folder.mkdir()
    (folder / "launch.md").write_text(LAUNCH + "- [ ] Thank everybody for it\n")
    answer = otto.post(f"{of('replica_options')}?kind=markdown&path={folder}", {"pairing": "ask"})
    row = Replica.objects.get(name="copy")
    assert answer.headers["Location"] == of("replica_unpaired", row.pk)
    return Workbench(folder, row)


def test_a_plan_to_pair_is_linked_and_synced_once_the_replica_is_switched_on(
    launch: Workbench, copy: Workbench, otto: Client
) -> None:
    plan = launch.plan("launch.md")
    assert plan.title in text_of(page(otto, of("replica_unpaired", copy.row.pk)))
    shown = page(otto, f"{of('replica_pairs', copy.row.pk)}?path=launch.md&plan={plan.pk}")
    assert "Thank everybody for it" in text_of(shown)
    form = {"path": "launch.md", "plan": str(plan.pk), "fingerprint": field_in(shown, "fingerprint")}
    answer = otto.post(of("replica_pairs", copy.row.pk), {**form, "take": "ask"}, follow=True)
    assert "1 plan is linked" in told(answer)
    assert not Unpaired.objects.exists()
    assert "Thank everybody for it" not in launch.texts("launch.md")
    otto.post(of("replica_first", copy.row.pk))
    assert "Thank everybody for it" in launch.texts("launch.md")
    assert Plan.objects.count() == 1


def test_choices_are_looked_at_before_they_are_made(launch: Workbench, copy: Workbench, otto: Client) -> None:
    plan = launch.plan("launch.md")
    said = {"path": "launch.md", "plan": str(plan.pk), "take": "ask", "look": "1"}
    shown = text_of(otto.post(of("replica_pairs", copy.row.pk), {**said, "i-2": ""}).content.decode())
    assert "2would be new in the hub" in shown
    assert not Link.objects.filter(replica=copy.row).exists()


def test_pairs_that_changed_since_they_were_shown_are_shown_again(
    launch: Workbench, copy: Workbench, otto: Client
) -> None:
    form = {"path": "launch.md", "plan": str(launch.plan("launch.md").pk), "fingerprint": "0" * 16}
    answer = otto.post(of("replica_pairs", copy.row.pk), form, follow=True)
    assert "changed since" in told(answer)
    assert "Who is who" in answer.content.decode()


@pytest.mark.parametrize(("act", "plans"), [("link", 1), ("as_new", 2)])
def test_several_plans_are_linked_or_imported_at_once(
    copy: Workbench, otto: Client, act: str, plans: int
) -> None:
    answer = otto.post(of("replica_unpaired", copy.row.pk), {act: "1"}, follow=True)
    assert "Choose plans first" in told(answer)
    otto.post(of("replica_unpaired", copy.row.pk), {act: "1", "path": "launch.md", "take": "ask"})
    otto.post(of("replica_first", copy.row.pk))
    assert Plan.objects.count() == plans


def test_a_file_in_conflict_is_in_step_but_for_that(launch: Workbench, otto: Client) -> None:
    launch.sync()
    text = launch.texts("launch.md")[0]
    launch.set(text, text=f"{text} at last")
    launch.edit("launch.md", text, f"{text} by noon")
    launch.sync()
    for address in (of("replicas"), of("replica", launch.row.pk), of("overview")):
        assert "in step but for 1 conflict" in text_of(page(otto, address))
