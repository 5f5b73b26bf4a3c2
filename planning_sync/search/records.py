"""Following the hub: `follow` brings the records up to it, `behind` are the plans that they are behind on.

`due` are the records that the index has not been told of.

A plan's revision grows with every change of anything in it. So what the records have of a plan is behind
where that revision is another one: nothing can be missed, in whatever order transactions commit, and
whoever was away or was killed in the middle goes on where the others are. Reading and comparing is done
outside of transactions, so that no sync waits for it.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Aggregate, Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from audit.transactions import write_transaction
from planning_sync.roles import access
from planning_sync.search import words
from planning_sync.search.models import Kind, Record, Seen
from planning_sync.sync.models import Link
from plans.models import Phase, Plan, Task

ITEMS_EACH = 2000
"""About so many items are compared, and at most written, at a time."""
_LONGEST_REF = 64
_CHANGING = (
    *("kind", "plan_id", "phase_id", "ref", "called", "text", "words", "status", "priority", "tags"),
    *("sha256", "digest"),
)


class _Item(NamedTuple):
    """A row of the hub, as far as search goes."""

    kind: Kind
    item_id: UUID
    plan_id: UUID
    phase_id: UUID | None
    ref: str
    text: str
    status: str
    priority: str = ""
    tags: Sequence[str] = ()

    def digest(self, homes: Iterable[UUID]) -> str:
        told = repr((words.FORMAT, *self, sorted(home.hex for home in homes)))
        return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()


def follow(seconds: float = math.inf) -> int:
    """Bring the records up to the hub, as far as one comes in so long; how many plans were read.

    Safe to run twice at once.
    """
    deadline = time.monotonic() + seconds
    read = _forget_plans()
    for batch in _batches(behind()):
        if time.monotonic() > deadline:
            break
        _read(batch)
        read += len(batch)
    return read


def behind() -> QuerySet[Plan]:
    """The plans whose records are not those of now."""
    seen = Seen.objects.filter(
        plan_id=OuterRef("pk"),
        revision=OuterRef("revision"),
        links=OuterRef("link_count"),
        newest_link=OuterRef("newest_link"),
        format=words.FORMAT,
    )
    counted = Plan.objects.live().annotate(
        link_count=Coalesce(_of_links(Count("pk")), 0), newest_link=Coalesce(_of_links(Max("pk")), 0)
    )
    return counted.filter(~Exists(seen)).order_by("pk")


def _of_links(aggregate: Aggregate) -> Subquery:
    links = Link.objects.filter(plan=OuterRef("pk")).order_by().values("plan")
    return Subquery(links.annotate(found=aggregate).values("found"))


def due() -> QuerySet[Record]:
    """What the index was not told yet."""
    return Record.objects.filter(~Q(indexed=F("digest"))).order_by("pk")


def _forget_plans() -> int:
    """Those that left the hub."""
    gone = Seen.objects.filter(~Exists(Plan.objects.live().filter(pk=OuterRef("plan_id"))))
    ids = list(gone.values_list("pk", flat=True))
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        with write_transaction():
            _leave(Record.objects.filter(plan_id__in=some))
            Seen.objects.filter(pk__in=some).delete()
    return len(ids)


def _leave(rows: QuerySet[Record]) -> None:
    """These are no longer in the hub; what the index has of them stays known until it is told."""
    rows.filter(indexed="").delete()
    rows.update(digest="")


def _batches(plans: QuerySet[Plan]) -> Iterator[list[Plan]]:
    batch: list[Plan] = []
    size = 0
    for plan in plans:
        batch.append(plan)
        size += plan.task_count + plan.phase_count + 1
        if size >= ITEMS_EACH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _read(plans: Collection[Plan]) -> None:
    ids = [plan.pk for plan in plans]
    homes = access.homes_of_plans(ids)
    kept = dict(Record.objects.filter(plan_id__in=ids).values_list("item_id", "digest"))
    fresh: dict[UUID, Record] = {}
    present: set[UUID] = set()
    for item in _items(plans):
        digest = item.digest(homes.get(item.plan_id, ()))
        present.add(item.item_id)
        if kept.get(item.item_id) != digest:
            fresh[item.item_id] = _record(item, digest)
    gone = [item_id for item_id, digest in kept.items() if digest and item_id not in present]
    _write(plans, list(fresh.values()), gone)


def _items(plans: Collection[Plan]) -> Iterator[_Item]:
    for plan in plans:
        yield _Item(Kind.PLAN, plan.pk, plan.pk, None, plan.version, plan.title, plan.status)
    live: Mapping[str, Any] = {"plan__in": [plan.pk for plan in plans], "deleted_at": None}
    phases = Phase.objects.filter(**live).values_list(
        "pk", "plan_id", "parent_id", "number", "title", "status"
    )
    for row in phases.iterator():
        yield _Item(Kind.PHASE, *row)
    tasks = Task.objects.filter(**live).values_list(
        *("pk", "plan_id", "phase_id", "ref", "text", "status", "priority", "tags")
    )
    for row in tasks.iterator():
        yield _Item(Kind.TASK, *row)


def _record(item: _Item, digest: str) -> Record:
    ref = words.plain(item.ref)
    text = words.plain(item.text)
    return Record(
        item_id=item.item_id,
        kind=item.kind,
        plan_id=item.plan_id,
        phase_id=item.phase_id,
        ref=ref,
        called=words.called(ref)[:_LONGEST_REF],
        text=text,
        words=" ".join(words.words(f"{ref} {text}")),
        status=item.status,
        priority=item.priority,
        tags=item.tags,
        sha256=sha256_of(text),
        digest=digest,
    )


def sha256_of(text: str) -> str:
    """By which the vector of a text is found."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _write(plans: Collection[Plan], fresh: list[Record], gone: list[UUID]) -> None:
    for start in range(0, len(fresh), ITEMS_EACH):
        with write_transaction():
            Record.objects.bulk_create(
                fresh[start : start + ITEMS_EACH],
                batch_size=500,
                update_conflicts=True,
                unique_fields=["item_id"],
                update_fields=_CHANGING,
            )
    with write_transaction():
        for start in range(0, len(gone), 500):
            _leave(Record.objects.filter(item_id__in=gone[start : start + 500]))
        Seen.objects.bulk_create(
            [_seen(plan) for plan in plans],
            batch_size=500,
            update_conflicts=True,
            unique_fields=["plan_id"],
            update_fields=["revision", "links", "newest_link", "format"],
        )


def _seen(plan: Any) -> Seen:
    """`plan` with what `behind` counted."""
    return Seen(
        plan_id=plan.pk,
        revision=plan.revision,
        links=plan.link_count,
        newest_link=plan.newest_link,
        format=words.FORMAT,
    )
