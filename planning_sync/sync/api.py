"""Syncs and replicas as JSON: what may be asked, and the shapes of reports, jobs and replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from conflicts.strategies import STRATEGIES
from planning_sync.replicas.http_credentials import SCHEMES
from planning_sync.sync.models import Replica
from planning_sync.sync.sides import PAIRING
from plans.api import Strict, Text

_UNASKED = frozenset({"owner_wins", "learned"})
"""Strategies that nobody asks for by name: they follow from the policy."""
CHOSEN = tuple(name for name in sorted(STRATEGIES) if name not in _UNASKED)
DIRECTIONS = ("both", "pull", "push")


def _check_path(path: str) -> None:
    """Paths are names of plans, never places on the disk."""
    steps = path.split("/")
    if path.startswith("/") or "\\" in path or any(step in ("", ".", "..") for step in steps):
        raise serializers.ValidationError(
            "Give the plan's path as the replica lists it, such as `team/launch.md`."
        )


class _Scope(Strict):
    replica = Text(
        required=False, max_length=200, help_text="A name; without it, every replica that is switched on."
    )
    paths = serializers.ListField(
        child=Text(max_length=2000, validators=[_check_path]),
        max_length=1000,
        required=False,
        help_text="Only the plans at these paths.",
    )


class SyncOptions(Strict):
    validate_first = serializers.BooleanField(
        default=False, help_text="Refuse files that break the rules for plans."
    )
    create_backup = serializers.BooleanField(
        default=False, help_text="First keep what every file holds now; the job names the contents."
    )
    dry_run = serializers.BooleanField(
        default=False, help_text="Say what would happen, at once, and do nothing."
    )
    conflict_strategy = serializers.ChoiceField(
        [(name, name) for name in CHOSEN],
        required=False,
        help_text="Tried on every clash of this sync, instead of what the policies say.",
    )
    allow_mass_delete = serializers.BooleanField(
        default=False, help_text="Go on where a guard would refuse, because so much is gone."
    )


class SyncRequest(_Scope, SyncOptions):
    pass


class BatchItem(_Scope):
    replica = Text(max_length=200)
    direction = serializers.ChoiceField([(name, name) for name in DIRECTIONS], default="both")


class BatchRequest(SyncOptions):
    syncs = serializers.ListField(child=BatchItem(), min_length=1, max_length=50)


class ReplicaOptions(Strict):
    """As in docs/settings.md; what is left out has its default."""

    include = serializers.ListField(child=Text(max_length=500), max_length=100, required=False)
    exclude = serializers.ListField(child=Text(max_length=500), max_length=100, required=False)
    marks = serializers.DictField(child=Text(max_length=20), required=False)
    ballots = serializers.ChoiceField([(name, name) for name in ("off", "auto", "on")], required=False)
    broken_fences = serializers.ChoiceField([(name, name) for name in ("off", "auto")], required=False)
    limit_bytes = serializers.IntegerField(min_value=1, max_value=2**31, required=False)
    pairing = serializers.ChoiceField([(name, name) for name in PAIRING], required=False)
    commit = serializers.BooleanField(required=False, help_text="Commit in git what a sync wrote.")
    mapping = serializers.DictField(required=False, help_text="How a list is to be read.")
    scheme = serializers.ChoiceField([(name, name) for name in SCHEMES], required=False)
    secret = Text(
        max_length=200,
        required=False,
        help_text="The name of the service's secret, such as `env:PLANNING_SYNC_REPLICA_TASKS`.",
    )
    plain = serializers.BooleanField(required=False, help_text="Speak to the service without TLS.")
    patch = serializers.BooleanField(
        required=False, help_text="Send the service what an edit changes, as a JSON Patch."
    )
    timeout_seconds = serializers.FloatField(min_value=0.1, max_value=600, required=False)
    per_minute = serializers.IntegerField(min_value=1, max_value=100_000, required=False)


class NewReplica(Strict):
    path = Text(max_length=2000, help_text="A folder or file of the server, absolute, or an address.")
    kind = serializers.ChoiceField(Replica.Kind.choices, default=Replica.Kind.MARKDOWN)
    name = Text(
        max_length=200, required=False, help_text="Else that of the folder. A number is added if it is taken."
    )
    options = ReplicaOptions(required=False)


class TallySerializer(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    moved = serializers.IntegerField()
    deleted = serializers.IntegerField()


class PlanCountsSerializer(serializers.Serializer[Any]):
    seen = serializers.IntegerField()
    changed = serializers.IntegerField()
    written = serializers.IntegerField()
    failed = serializers.IntegerField()


class ConflictCountsSerializer(serializers.Serializer[Any]):
    opened = serializers.IntegerField()
    closed = serializers.IntegerField()
    open = serializers.IntegerField(help_text="At this replica, afterwards.")


class RefusalSerializer(serializers.Serializer[Any]):
    plan = serializers.CharField(allow_blank=True)
    reason = serializers.CharField()


class FailureSerializer(serializers.Serializer[Any]):
    plan = serializers.CharField(allow_blank=True)
    error = serializers.CharField()


class ReportSerializer(serializers.Serializer[Any]):
    """What one pass over one replica did, or would do."""

    operation = serializers.CharField(
        allow_blank=True, help_text="Undo takes it. Empty where nothing was recorded."
    )
    replica = serializers.CharField()
    status = serializers.ChoiceField([(name, name) for name in ("in_step", "conflicts", "refused", "failed")])
    dry_run = serializers.BooleanField()
    plans = PlanCountsSerializer()
    tasks = TallySerializer()
    phases = TallySerializer()
    conflicts = ConflictCountsSerializer()
    unpaired = serializers.IntegerField(
        required=False, help_text="Plans that wait for a person to say whether the hub has them already."
    )
    files_written = serializers.ListField(child=serializers.CharField())
    refused = RefusalSerializer(many=True)
    errors = FailureSerializer(many=True)  # type: ignore[assignment]  # shadows what only forms use
    duration_seconds = serializers.FloatField()
    previews = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="Of a dry run: plan by plan, rows and lines."
    )


class PreviewsSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    reports = ReportSerializer(many=True)


class SnapshotSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    checksum = serializers.CharField(help_text="SHA-256 of the content that is kept.")


class JobPassSerializer(serializers.Serializer[Any]):
    replica = serializers.CharField()
    direction = serializers.ChoiceField([(name, name) for name in DIRECTIONS])
    paths = serializers.ListField(child=serializers.CharField())
    operation = serializers.UUIDField(help_text="The operation of this pass: in the history, and for undo.")
    snapshots = SnapshotSerializer(many=True)
    report = ReportSerializer(allow_null=True, help_text="Once the pass is over.")


class ProgressSerializer(serializers.Serializer[Any]):
    done = serializers.IntegerField(help_text="Plans looked at.")
    total = serializers.IntegerField(help_text="Plans to look at, as far as is known.")


class StatsSerializer(serializers.Serializer[Any]):
    plans_changed = serializers.IntegerField()
    tasks_changed = serializers.IntegerField()
    files_written = serializers.IntegerField()
    conflicts_opened = serializers.IntegerField()


class JobSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(
        [(name, name) for name in ("queued", "running", "done", "conflicts", "refused", "failed")]
    )
    operation = serializers.UUIDField(allow_null=True, help_text="That of its pass, where it has one pass.")
    actor = serializers.CharField()
    on_behalf_of = serializers.CharField(allow_blank=True)
    progress = ProgressSerializer()
    stats = StatsSerializer()
    errors = FailureSerializer(many=True)  # type: ignore[assignment]  # shadows what only forms use
    passes = JobPassSerializer(many=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class ReplicaSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(Replica.Kind.choices)
    enabled = serializers.BooleanField()
    plans = serializers.IntegerField()
    waiting = serializers.IntegerField(
        help_text="Plans with changes in the hub that it has not been told of."
    )
    problems = serializers.IntegerField(help_text="Plans whose last sync failed.")
    last_sync_at = serializers.DateTimeField(allow_null=True)
    last_status = serializers.CharField(allow_blank=True)
    last_problem = serializers.CharField(allow_blank=True)
    seen_at = serializers.DateTimeField(allow_null=True, help_text="When it last answered.")
    lost_at = serializers.DateTimeField(allow_null=True, help_text="Since when it is away, where it is.")
    retry_at = serializers.DateTimeField(
        allow_null=True, help_text="When it is tried again by itself, where it is away."
    )


class ReplicaStatusSerializer(ReplicaSerializer):
    health = serializers.ChoiceField([(name, name) for name in ("ok", "degraded", "off", "unknown")])
    running = serializers.IntegerField(help_text="Syncs of it that are going on.")


def report_stats(reports: list[Mapping[str, Any]]) -> dict[str, int]:
    """What the passes came to."""
    return {
        "plans_changed": sum(each["plans"]["changed"] for each in reports),
        "tasks_changed": sum(sum(each["tasks"].values()) for each in reports),
        "files_written": sum(len(each["files_written"]) for each in reports),
        "conflicts_opened": sum(each["conflicts"]["opened"] for each in reports),
    }
