"""Roadmaps and lists keep the contract, in a folder as in a service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest

from planning_sync.replicas import http, listing, roadmap
from planning_sync.replicas.errors import PlanChanged, ServiceAway
from planning_sync.replicas.http import Limits, Service
from planning_sync.replicas.http_credentials import signer
from planning_sync.replicas.http_plans import PlanService
from planning_sync.replicas.listing import ListFolder
from planning_sync.replicas.listing_format import ListFormat, empty_csv, empty_json, open_csv, open_json
from planning_sync.replicas.mapping_file import read
from planning_sync.replicas.roadmap import RoadmapFolder, RoadmapService
from tests.planning_sync.replicas.contract import MARKDOWN, ReplicaContract, Samples, World, tick
from tests.planning_sync.replicas.disk import DiskWorld
from tests.planning_sync.replicas.service_double import Fault, ServiceDouble


def _roadmap(*items: tuple[str, str], title: str = "Migration") -> bytes:
    listed = [
        {"id": f"i{number}", "title": text, "status": status, "odd": {"x": [number]}}
        for number, (text, status) in enumerate(items)
    ]
    head = {"title": title} if title else {}
    return json.dumps({**head, "items": listed, "milestones": []}, indent=1).encode()


PLAN = _roadmap(("List the modules", "planned"), ("Count the tables", "completed"))
ROADMAP = Samples(
    plan=PLAN,
    ticked=PLAN.replace(b"planned", b"completed"),
    other=_roadmap(("Sort the boxes", "planned"), title="Archive"),
    odd=b'\xef\xbb\xbf{"items":\r\n[ {"id" :1,"title":"\\u00e9 \xc3\xa9","n":1.50, "status":null}\t]\r\n} \n',
    quiet=_roadmap(title=""),
    variants=tuple(_roadmap((f"Number {number}", "planned")) for number in range(8)),
    empties=(b'{"items":[]}', b'{"milestones": [], "items": [ ]}'),
    suffix=".roadmap.json",
    no_paths=MARKDOWN.no_paths,
)
TABLE = Samples(
    plan=b"id,title,status\n1,List the modules,open\n2,Count the tables,done\n",
    ticked=b"id,title,status\n1,List the modules,done\n2,Count the tables,done\n",
    other=b"id,title,status\n1,Sort the boxes,open\n",
    odd=b'\xef\xbb\xbfid;"title";x;note\r\n\r\n1;a;"say ""x"";\r\n";b\r\n2;"c"',
    quiet=b"id,title,status\n1,Something,open\n",
    variants=tuple(b"id,title,status\n1,Number %d,open\n" % number for number in range(8)),
    empties=(b"id,title\n", b"title,id"),
    suffix=".csv",
    titled=False,
    no_paths=MARKDOWN.no_paths,
)


class TestRoadmapFolder(ReplicaContract):
    samples: ClassVar[Samples] = ROADMAP

    @pytest.fixture
    def world(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DiskWorld:
        root = tmp_path / "plans"
        root.mkdir()
        plan_format = ListFormat(lambda: roadmap.USUAL, open_json, empty_json, suffix=roadmap.SUFFIX)
        return DiskWorld(root, monkeypatch, RoadmapFolder(root, plan_format, include=("**/*",)))


class TestTableFolder(ReplicaContract):
    samples: ClassVar[Samples] = TABLE

    @pytest.fixture
    def world(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DiskWorld:
        root = tmp_path / "plans"
        root.mkdir()
        mapping = read({"fields": {"text": "title"}}, "test", listing.USUAL)
        plan_format = ListFormat(lambda: mapping, open_csv, empty_csv, suffix=".csv")
        return DiskWorld(root, monkeypatch, ListFolder(root, plan_format, include=("**/*",)))

    def test_a_reading_says_what_the_plan_says(self, world: World) -> None:
        world.put("a.csv", self.samples.plan)
        plan = world.replica.read("a.csv").document.outline
        assert (plan.plan.text, [item.text for item in plan.items]) == (
            *("a", ["List the modules", "Count the tables"]),
        )

    def test_a_plan_without_a_title_is_called_by_its_file_name(self, world: World) -> None:
        world.put("sub/quiet.csv", self.samples.quiet)
        assert world.replica.read("sub/quiet.csv").document.outline.plan.text == "quiet"


class ServiceWorld:
    def __init__(self, double: ServiceDouble) -> None:
        self.double = double
        self.service = service = Service(
            double.url, signer("none", ""), Limits(per_minute=1_000_000), pause=lambda seconds: None
        )
        plan_format = ListFormat(lambda: roadmap.USUAL, open_json, empty_json, suffix="")
        self.replica: PlanService = RoadmapService(service, plan_format)

    def put(self, path: str, data: bytes) -> None:
        self.double.plans[path] = data

    def discard(self, path: str) -> None:
        del self.double.plans[path]

    def contents(self) -> dict[str, bytes]:
        return dict(sorted(self.double.plans.items()))

    def hide(self, path: str) -> None:
        self.double.partial = frozenset([path])

    def lose(self) -> None:
        self.double.faults = [Fault("503")] * 100

    def fail_next_write(self) -> None:
        self.double.faults = [Fault("413", "PUT")]


class TestRoadmapService(ReplicaContract):
    samples: ClassVar[Samples] = ROADMAP._replace(suffix="")

    @pytest.fixture
    def world(self) -> Iterator[ServiceWorld]:
        with ServiceDouble() as double:
            yield ServiceWorld(double)
            http.close_all()


@pytest.mark.parametrize("what", ["drop", "lose", "truncate", "repeat", "502"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_write_that_meets_trouble_on_the_way_is_done_once(what: str, method: str) -> None:
    with ServiceDouble() as double:
        world = ServiceWorld(double)
        world.put("a", PLAN)
        reading = world.replica.read("a")
        write = world.replica.prepare_restore("a", reading.checksum, ROADMAP.ticked)
        double.faults = [Fault(what, method)]
        stamp = world.replica.commit(write)
        assert (world.contents(), stamp) == ({"a": ROADMAP.ticked}, world.replica.probe("a").stamp)
        assert double.faults == []
        http.close_all()


@pytest.mark.parametrize("what", ["drop", "lose", "repeat"])
def test_a_deletion_that_meets_trouble_on_the_way_is_done(what: str) -> None:
    with ServiceDouble({"a": PLAN}) as double:
        world = ServiceWorld(double)
        write = world.replica.prepare_delete(world.replica.read("a"))
        double.faults = [Fault(what, "DELETE")]
        assert world.replica.commit(write) == ""
        assert world.contents() == {}
        http.close_all()


@pytest.mark.parametrize(("offered", "methods"), [(True, ["PATCH"]), (False, ["PATCH", "PUT"])])
def test_an_edit_is_sent_as_a_patch_where_the_service_takes_one(offered: bool, methods: list[str]) -> None:
    with ServiceDouble({"a": PLAN}, patches=offered) as double:
        world = ServiceWorld(double)
        world.replica = RoadmapService(world.service, world.replica.format, patches=True)
        stamp = world.replica.commit(tick(world.replica, "a"))
        assert json.loads(double.plans["a"]) == json.loads(ROADMAP.ticked)
        assert stamp == world.replica.probe("a").stamp
        sent = [told.request for told in double.received if told.request.method in ("PATCH", "PUT")]
        assert [request.method for request in sent] == methods
        assert json.loads(sent[0].body) == [
            {"op": "replace", "path": "/items/0/status", "value": "completed"}
        ]
        http.close_all()


@pytest.mark.parametrize("what", ["drop", "lose", "truncate", "repeat", "502"])
def test_a_patch_that_meets_trouble_on_the_way_is_done_once_or_told(what: str) -> None:
    with ServiceDouble({"a": PLAN}) as double:
        world = ServiceWorld(double)
        world.replica = RoadmapService(world.service, world.replica.format, patches=True)
        double.faults = [Fault(what, "PATCH")]
        with suppress(PlanChanged):  # the answer was lost, and the document is spelled by the service
            world.replica.commit(tick(world.replica, "a"))
        assert json.loads(double.plans["a"]) == json.loads(ROADMAP.ticked)
        http.close_all()


@pytest.fixture
def world() -> Iterator[ServiceWorld]:
    with ServiceDouble({f"plan {number}&?": PLAN for number in range(7)}) as double:
        yield ServiceWorld(double)
        http.close_all()


@pytest.mark.parametrize("size", [1, 3, 7])
def test_a_listing_of_many_pages_is_read_to_its_end(world: ServiceWorld, size: int) -> None:
    world.double.page_size = size
    assert list(world.replica.scan().stamps) == sorted(world.double.plans)
    assert len(world.double.received) == -(-7 // size)


def test_a_listing_that_fails_half_way_is_none(world: ServiceWorld) -> None:
    world.double.page_size = 2
    world.double.faults = [Fault("delay"), Fault("500")]
    with pytest.raises(ServiceAway, match="answered 500"):
        world.replica.scan()


def test_what_is_no_list_of_plans_and_a_plan_without_an_etag_are_no_plans(world: ServiceWorld) -> None:
    world.double.faults = [Fault("200"), Fault("200")]
    with pytest.raises(ServiceAway, match="answered 200 with what is no list of plans"):
        world.replica.scan()
    with pytest.raises(ServiceAway, match="answered 200 without an ETag"):
        world.replica.read("plan 1&?")
