"""Nothing missed and nothing twice: over lost connections, other servers, interleaved transactions."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import services as audit
from audit.models import Operation
from planning_sync.live import log
from planning_sync.live.models import Mark
from tests.planning_sync.live.logbook import changed, write
from tests.planning_sync.live.server import Listener, Server

postgres_only = pytest.mark.skipif(
    "not config.getoption('--postgres')", reason="on SQLite one transaction writes at a time"
)


@contextmanager
def writing(threads: int, operations: int) -> Iterator[list[UUID]]:
    """So many threads that write so many plans each, an operation for every plan; joined at the end."""
    plans: list[UUID] = []
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _ in range(operations):
                plan = uuid4()
                write([changed(plan) for _ in range(chance.randint(1, 3))])
                plans.append(plan)
        except BaseException as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    running = [threading.Thread(target=work, args=(seed,)) for seed in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield plans
    finally:
        for thread in running:
            thread.join()
    assert not failures, failures


class Writer:
    """A thread with a connection of its own, which leaves its transaction open until it is told otherwise."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._open: transaction.Atomic | None = None
        self.pending: list[UUID] = []

    def write(self, plan: UUID) -> None:
        self.pending.append(plan)
        self._thread.submit(self._write, plan).result()

    def end(self, *, commit: bool) -> list[UUID]:
        """The plans that are in the log now."""
        self._thread.submit(self._end, commit).result()
        plans, self.pending = self.pending, []
        return plans if commit else []

    def close(self) -> None:
        self._thread.submit(self._end, False).result()
        self._thread.submit(connections.close_all).result()
        self._thread.shutdown()

    def _write(self, plan: UUID) -> None:
        if self._open is None:
            self._open = transaction.atomic()
            self._open.__enter__()
        write([changed(plan)])

    def _end(self, commit: bool) -> None:
        if self._open is not None:
            transaction.set_rollback(not commit)
            self._open.__exit__(None, None, None)
            self._open = None


def plans_told(listeners: list[Listener]) -> Counter[UUID]:
    return Counter(UUID(event["plan"]) for listener in listeners for event in listener.events)


def test_a_client_that_keeps_losing_its_connection_gets_each_of_a_thousand_events_once(
    start: Callable[..., Server], alice: User
) -> None:
    servers = [start(), start()]
    chance = random.Random(1)
    heard = [Listener(servers[0].connect(alice), "all")]
    with writing(threads=4, operations=250) as plans:
        while sum(len(listener.events) for listener in heard) < 1000:
            heard[-1].receive()
            if len(heard) == 1 or chance.random() < 0.5:
                heard[-1].socket.close()
                cursor = heard[-1].cursor
                heard.append(Listener(chance.choice(servers).connect(alice), "all", cursor=cursor))
    assert heard[-1].hears_nothing_more()
    heard[-1].socket.close()
    assert len(heard) > 1, "it reconnected"
    assert len(plans) == 1000
    assert plans_told(heard) == Counter(plans)


def test_a_client_that_was_away_during_a_burst_gets_it_in_one_message(server: Server, alice: User) -> None:
    with Listener(server.connect(alice), "all") as before:
        cursor = before.cursor
    plans = [uuid4() for _ in range(1000)]
    write([changed(plan) for plan in plans])
    with Listener(server.connect(alice), "all", cursor=cursor) as after:
        assert [event["plan"] for event in after.answer["events"]] == [str(plan) for plan in plans]
        assert after.hears_nothing_more()
    with Listener(server.connect(alice), "all", cursor=after.cursor) as again:
        assert again.answer["events"] == []


def test_a_client_that_is_ahead_of_the_server_it_comes_to_is_told_nothing_twice(
    server: Server, alice: User
) -> None:
    with Listener(server.connect(alice), "all"):
        for _ in range(5):
            client = server.connect(alice)
            write([changed(uuid4())])
            with Listener(client, "all", cursor=log.position()) as listener:
                assert listener.answer["events"] == []
                assert listener.hears_nothing_more(0.1)


def test_what_is_rolled_back_is_never_told(server: Server, alice: User) -> None:
    kept = uuid4()
    with Listener(server.connect(alice), "all") as listener:
        with transaction.atomic():
            write([changed(uuid4())])
            transaction.set_rollback(True)
        write([changed(kept)])
        listener.until(1)
        assert listener.hears_nothing_more()
    assert plans_told([listener]) == Counter([kept])


@postgres_only
def test_a_transaction_that_commits_after_younger_ones_is_told_though_its_rows_are_older(
    server: Server, alice: User
) -> None:
    early, late = uuid4(), uuid4()
    slow = Writer()
    try:
        with Listener(server.connect(alice), "all") as listener:
            slow.write(early)
            write([changed(late)])
            listener.until(1)
            cursor = listener.cursor
            slow.end(commit=True)
            listener.until(2)
            assert plans_told([listener]) == Counter([early, late])
            assert UUID(listener.events[0]["plan"]) == late
            assert listener.hears_nothing_more()
        with Listener(server.connect(alice), "all", cursor=cursor) as again:
            assert plans_told([again]) == Counter([early])
        with Listener(server.connect(alice), "all", cursor=listener.cursor) as last:
            assert last.answer["events"] == []
    finally:
        slow.close()


@postgres_only
def test_a_lost_connection_to_the_database_loses_no_news(server: Server, alice: User) -> None:
    plans = [uuid4(), uuid4()]
    with Listener(server.connect(alice), "all") as listener:
        write([changed(plans[0])])
        listener.until(1)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
            assert cursor.fetchone()[0] >= 2
        write([changed(plans[1])])
        listener.until(2)
        assert listener.hears_nothing_more()
    assert plans_told([listener]) == Counter(plans)


# ---------------------------------------------------------------------------- reading, without a server

STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "commit", "rollback", "read"]), st.integers(0, 2)),
    min_size=10,
    max_size=40,
)


@pytest.mark.usefixtures("transactional_db")
@given(steps=STEPS)
@settings(deadline=None, max_examples=60)
def test_every_reader_gets_what_was_committed_once_however_transactions_interleave(
    steps: list[tuple[str, int]],
) -> None:
    """Writers keep their transactions open for any time; one reader looks now and then, one at the end."""
    writers = [Writer() for _ in range(3 if connection.vendor == "postgresql" else 1)]
    committed: Counter[UUID] = Counter()
    told: Counter[UUID] = Counter()
    write([changed(uuid4())])
    first = cursor = log.position()
    try:
        for step, chosen in steps:
            writer = writers[chosen % len(writers)]
            if step == "write":
                writer.write(uuid4())
            elif step == "read":
                upto = log.position()
                assert log.check(cursor, upto)
                told.update(plans_between(cursor, upto))
                cursor = upto
                assert told == committed
            else:
                committed.update(writer.end(commit=step == "commit"))
    finally:
        for writer in writers:
            writer.close()
    upto = log.position()
    assert told + Counter(plans_between(cursor, upto)) == committed
    assert Counter(plans_between(first, upto)) == committed


def plans_between(after: str, upto: str) -> list[UUID]:
    gains = log.between(after, upto, limit=1000)
    return [gain.plan_id for gain in gains if gain.plan_id is not None]


# ------------------------------------------------------------------------------------- what is too old


def test_who_was_away_too_long_is_told_to_load_afresh(server: Server, alice: User) -> None:
    with Listener(server.connect(alice), "all") as before:
        cursor = before.cursor
    for _ in range(3):
        write([changed(uuid4())])
    later = timezone.now() + log.KEPT + timedelta(hours=1)
    count = Mark.objects.count()
    assert log.prune(timezone.now()) == 0
    assert log.prune(later) == count - 1, "the last of the old ones tells that there were older ones"
    assert log.prune(later) == 0
    with Listener(server.connect(alice), "all", cursor=cursor) as after:
        assert after.answer["reset"] is True
        assert "events" not in after.answer
        plan = uuid4()
        write([changed(plan)])
        after.until(1)
        assert plans_told([after]) == Counter([plan])
    with Listener(server.connect(alice), "all", cursor=after.cursor) as again:
        assert again.answer["events"] == []


def test_a_cursor_from_the_future_means_another_database(server: Server, alice: User) -> None:
    future = "999999999" if connection.vendor == "sqlite" else "999999998:999999999:"
    with Listener(server.connect(alice), "all", cursor=future) as listener:
        assert listener.answer["reset"] is True


def test_more_than_is_worth_telling_is_told_as_a_reset(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from planning_sync.live import consumer, topics

    write([changed(uuid4())])
    monkeypatch.setattr(consumer, "MOST_GAINS", 10)
    start = log.position()
    view = topics.view_of(["all"], topics.May(frozenset(topics.PERMISSIONS)))
    write([changed(uuid4()) for _ in range(8)])
    assert len(consumer._missed(start, log.position(), view) or ()) == 8
    write([changed(uuid4())])
    assert consumer._missed(start, log.position(), view) is None


# ------------------------------------------------------------------------------------------- the marks


@pytest.mark.usefixtures("db")
def test_every_way_of_writing_to_the_log_leaves_marks() -> None:
    operation = audit.begin(Operation.Kind.SYNC, actor="bob")
    audit.record(operation, [changed(uuid4()), changed(uuid4())])
    audit.close_abandoned(started_before=timezone.now() + timedelta(hours=1))
    assert list(Mark.objects.order_by("pk").values_list("phase", "status")) == [
        ("started", ""),
        ("recorded", ""),
        ("recorded", ""),
        ("finished", "failed"),
    ]


@pytest.mark.usefixtures("transactional_db")
def test_triggers_that_are_lost_are_made_again_by_migrate() -> None:
    from django.core.management import call_command

    on = " ON audit_entry" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER live_mark_recorded{on}")
    call_command("migrate", verbosity=0)
    write([changed(uuid4())])
    assert Mark.objects.filter(phase="recorded").count() == 1
