"""Conflicts and policies as JSON: their shapes, what may be asked and sent, and how rows are told.

Answers are made from rows without the work of a serializer for each, as in `plans.api`. The addresses are
further up, where it is known who may see what.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from conflicts import choices, queue
from conflicts.choices import GUARD_TAKES, Option
from conflicts.merge import ClashKind, Severity
from conflicts.merge.model import CLASSES
from conflicts.models import GUARD, Conflict, Policy
from conflicts.policy.reading import OWNERS
from conflicts.services import Preview
from conflicts.services.deciding import SUGGESTION
from conflicts.strategies import STRATEGIES
from plans.api import Strict, Text, line

MOST = 2000
"""Conflicts of one bulk decision."""
STATUSES = ("open", "postponed", "decided", "resolved", "closed")
TAKES = ("hub", "replica", "both", "value", *GUARD_TAKES)
BULK_TAKES = ("hub", "replica", "both", SUGGESTION, *GUARD_TAKES)
FIELDS = (*CLASSES, GUARD)
UNSETTLED = (Conflict.State.OPEN, Conflict.State.DECIDED)


def _names(names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(name, name) for name in names]


# ------------------------------------------------------------------------------------- what comes in


class ConflictFilter(Strict):
    status = serializers.MultipleChoiceField(
        choices=_names(STATUSES), required=False, help_text="`open` waits for somebody; None: every one."
    )
    severity = serializers.MultipleChoiceField(choices=Conflict.Severity.choices, required=False)
    kind = serializers.MultipleChoiceField(choices=Conflict.Kind.choices, required=False)
    plan = serializers.UUIDField(required=False)
    replica = line(200, help_text="The name of a replica.")
    field = serializers.MultipleChoiceField(choices=_names(FIELDS), required=False)
    rule = line(24, help_text="The guard or the rule that asks a person.")
    assigned = line(150, help_text="`me`, `nobody`, or a username.")
    q = line(200, help_text="Contained in the item as it was called.")


@extend_schema_field({"type": ["string", "number", "boolean", "array", "object"]})
class AnyValue(serializers.JSONField):
    """What a field of an item can hold, and null where the item is not there."""


class Seen(Strict):
    """The two values that the decision is about."""

    replica = AnyValue(allow_null=True)
    hub = AnyValue(allow_null=True)


class Decision(Strict):
    take = serializers.ChoiceField(_names(TAKES), help_text="One of the conflict's `options`, or `value`.")
    value = AnyValue(required=False, allow_null=True, help_text="Of `value`: what both sides are to say.")
    seen = Seen(help_text="The `values` as you saw them; other ones by now are refused with 409.")


class BulkDecision(Strict):
    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST)
    take = serializers.ChoiceField(
        _names(BULK_TAKES), help_text="`suggestion` takes for each what is suggested for it."
    )
    dry_run = serializers.BooleanField(
        default=False, help_text="Say what would be decided, and decide nothing."
    )
    fingerprint = line(64, help_text="Of the dry run; needed to decide.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["dry_run"] and not attrs.get("fingerprint"):
            told = "Ask with `dry_run` first, and send the fingerprint of its answer."
            raise serializers.ValidationError({"fingerprint": [told]})
        return attrs


class Assignment(Strict):
    to = Text(max_length=150, allow_null=True, help_text="A username; null: nobody.")


class Postponement(Strict):
    until = serializers.DateTimeField(allow_null=True, help_text="null brings it back.")


_SHARE: dict[str, Any] = {"min_value": 0, "max_value": 1, "required": False}


class RuleEdit(Strict):
    """Which clashes, and the strategies that may settle them."""

    fields_ = serializers.ListField(
        child=serializers.ChoiceField(_names(tuple(CLASSES))),
        required=False,
        max_length=len(CLASSES),
        help_text="None: every field.",
    )
    kinds = serializers.ListField(
        child=serializers.ChoiceField(_names(tuple(ClashKind))),
        required=False,
        max_length=len(ClashKind),
        help_text="None: every kind.",
    )
    severity = serializers.ChoiceField(
        _names(tuple(Severity)), required=False, default="high", help_text="Up to this one."
    )
    strategies = serializers.ListField(
        child=serializers.ChoiceField(_names(tuple(sorted(STRATEGIES)))),
        min_length=1,
        max_length=len(STRATEGIES),
        help_text="Tried in this order; what they leave, a person gets.",
    )
    min_kept = serializers.FloatField(**_SHARE, default=0.5, help_text="Of the words, for auto_merge.")
    confidence = serializers.FloatField(**_SHARE, default=0.95, help_text="At least, for learned.")
    note = line(200)

    def get_fields(self) -> dict[str, Any]:
        found = super().get_fields()
        return {"fields": found.pop("fields_"), **found}


class WatchEdit(Strict):
    """What waits for a person whatever the rules say; null switches one off, what is left out is not said."""

    open_tasks_removed = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=1_000_000
    )
    evidence = serializers.ListField(child=Text(max_length=20), required=False, max_length=20)
    declared_progress = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=100)


class PolicyEdit(Strict):
    enabled = serializers.BooleanField(required=False)
    reads_file = serializers.BooleanField(
        required=False, help_text="Whether conflict-policy.toml beside the plans is read after it."
    )
    owners = serializers.DictField(
        child=serializers.ChoiceField(_names(OWNERS)),
        required=False,
        help_text=f"By field ({', '.join(CLASSES)}): whose value returns.",
    )
    watch = WatchEdit(required=False)
    rules = serializers.ListField(
        child=RuleEdit(),
        required=False,
        max_length=100,
        help_text="All of them, in order: the first that matches a clash decides alone.",
    )


class NewPolicy(PolicyEdit):
    replica = Text(
        max_length=200,
        required=False,
        allow_null=True,
        help_text="A name; null: the general policy, for all.",
    )


# ------------------------------------------------------------------------------------ what goes out


class ValuesSerializer(serializers.Serializer[Any]):
    base = serializers.JSONField(help_text="What both agreed on last.")
    replica = serializers.JSONField()
    hub = serializers.JSONField()


class ChangeSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(allow_null=True)
    by = serializers.CharField(allow_blank=True)


class ChangesSerializer(serializers.Serializer[Any]):
    replica = ChangeSerializer()
    hub = ChangeSerializer()


class ConflictItemSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(allow_null=True, help_text="null: the replica as a whole.")
    kind = serializers.CharField(allow_blank=True)
    label = serializers.CharField(  # type: ignore[assignment]  # shadows what only forms use
        allow_blank=True, help_text="As it was called when the conflict was found."
    )


class SuggestionSerializer(serializers.Serializer[Any]):
    take = serializers.CharField()
    confidence = serializers.FloatField()
    reason = serializers.CharField()
    decisions = serializers.ListField(child=serializers.CharField(), help_text="What it rests on.")


class DecidedSerializer(serializers.Serializer[Any]):
    take = serializers.CharField()
    value = serializers.JSONField(help_text="Where it is neither side's.")
    by = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField(allow_null=True)
    operation = serializers.UUIDField(allow_null=True, help_text="Undo takes it.")
    applied_by = serializers.UUIDField(allow_null=True, help_text="The sync that brought it to both sides.")


class ConflictSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(_names(STATUSES))
    severity = serializers.ChoiceField(Conflict.Severity.choices)
    kind = serializers.ChoiceField(Conflict.Kind.choices)
    rule = serializers.CharField(allow_blank=True)
    plan = serializers.UUIDField(allow_null=True)
    replica = serializers.CharField(allow_null=True)
    item = ConflictItemSerializer()
    field = serializers.CharField()
    values = ValuesSerializer()
    changed = ChangesSerializer()
    suggestion = SuggestionSerializer(allow_null=True)
    assigned_to = serializers.CharField(allow_null=True)
    postponed_until = serializers.DateTimeField(allow_null=True)
    opened_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    decision = DecidedSerializer(allow_null=True)


class OptionSerializer(serializers.Serializer[Any]):
    take = serializers.CharField()
    hub = serializers.JSONField(help_text="What the hub then says.")
    replica = serializers.JSONField()
    drops = serializers.ListField(
        child=serializers.JSONField(), help_text="Values that neither side says afterwards."
    )
    changes_hub = serializers.BooleanField()
    changes_replica = serializers.BooleanField()


class QuoteSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    text = serializers.CharField(allow_blank=True)


class WholeConflictSerializer(ConflictSerializer):
    path = serializers.CharField(allow_blank=True)
    line = serializers.IntegerField(allow_null=True)
    excerpt = QuoteSerializer(many=True)
    found_by = serializers.UUIDField(allow_null=True, help_text="The operation that found it.")
    options = OptionSerializer(many=True, help_text="None once it is settled.")
    takes_value = serializers.BooleanField(help_text="Whether a value of one's own can be taken.")


class EffectSerializer(OptionSerializer):
    conflict = serializers.UUIDField()


class LeftSerializer(serializers.Serializer[Any]):
    conflict = serializers.UUIDField()
    reason = serializers.CharField()


class BulkSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    decided = EffectSerializer(many=True)
    left = LeftSerializer(many=True, help_text="Those that cannot be decided so; they stay as they are.")
    dropped = serializers.IntegerField(help_text="How many values neither side says afterwards.")
    fingerprint = serializers.CharField()


class RuleSerializer(serializers.Serializer[Any]):
    fields_ = serializers.ListField(child=serializers.CharField())
    kinds = serializers.ListField(child=serializers.CharField())
    severity = serializers.CharField()
    strategies = serializers.ListField(child=serializers.CharField())
    min_kept = serializers.FloatField()
    confidence = serializers.FloatField()
    note = serializers.CharField(allow_blank=True)

    def get_fields(self) -> dict[str, Any]:
        found = super().get_fields()
        return {"fields": found.pop("fields_"), **found}


class PolicySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    replica = serializers.CharField(allow_null=True, help_text="null: the general policy.")
    enabled = serializers.BooleanField()
    reads_file = serializers.BooleanField()
    owners = serializers.DictField(child=serializers.CharField())
    watch = serializers.DictField()
    rules = RuleSerializer(many=True)
    changed_at = serializers.DateTimeField()


class OutlookSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    kind = serializers.CharField()
    severity = serializers.CharField()
    owner = serializers.CharField()
    strategies = serializers.ListField(child=serializers.CharField(), help_text="Then a person.")
    caveats = serializers.ListField(child=serializers.CharField(), help_text="What may be lost.")
    origin = serializers.CharField(help_text="owner, rule, default or nothing: what in the policy says so.")


class WholePolicySerializer(PolicySerializer):
    comes_to = OutlookSerializer(many=True, help_text="Field by field, with the general policy after it.")
    problem = serializers.CharField(allow_blank=True, help_text="Why the two cannot be read together.")


# ------------------------------------------------------------------------------------------- filters


def filtered(
    rows: QuerySet[Conflict], asked: Mapping[str, Any], user: AbstractBaseUser
) -> QuerySet[Conflict]:
    """The rows that the filters leave in, but for `replica`."""
    if asked.get("status"):
        rows = rows.filter(_in_status(asked["status"]))
    for name in ("severity", "kind", "field"):
        if asked.get(name):
            rows = rows.filter(**{f"{name}__in": asked[name]})
    if "plan" in asked:
        rows = rows.filter(plan_id=asked["plan"])
    if asked.get("rule"):
        rows = rows.filter(rule=asked["rule"])
    if asked.get("assigned"):
        rows = rows.filter(_assigned(asked["assigned"], user))
    if asked.get("q"):
        rows = rows.filter(item_label__icontains=asked["q"])
    return rows


def _in_status(names: set[str]) -> Q:
    now = timezone.now()
    away = Q(state=Conflict.State.OPEN, postponed_until__gt=now)
    here = Q(state=Conflict.State.OPEN) & (Q(postponed_until=None) | Q(postponed_until__lte=now))
    found = Q(state__in=[name for name in names if name not in ("open", "postponed")])
    if "open" in names:
        found |= here
    if "postponed" in names:
        found |= away
    return found


def _assigned(name: str, user: AbstractBaseUser) -> Q:
    if name == "nobody":
        return Q(assigned_to=None)
    if name == "me":
        return Q(assigned_to=user.pk)
    return Q(assigned_to__username=name)


RANK = queue.RANK
"""The most severe first."""

# --------------------------------------------------------------------------------------- how it is told

COLUMNS = (
    *("id", "state", "severity", "kind", "rule", "plan_id", "replica_id", "item_key", "item_kind"),
    *("item_label", "field", "base_value", "replica_value", "hub_value"),
    *("replica_changed_at", "replica_changed_by", "hub_changed_at", "hub_changed_by", "suggestion"),
    *("assigned_to__username", "postponed_until", "opened_at", "changed_at", "closed_at"),
    *("taken", "taken_value", "decided_by", "decided_at", "decision_id", "applied_by_id"),
)
_SAME = ("id", "severity", "kind", "rule", "field", "postponed_until", "opened_at", "changed_at", "closed_at")


def conflict_json(row: Mapping[str, Any], replicas: Mapping[UUID, str]) -> dict[str, Any]:
    """A conflict from its `COLUMNS`."""
    return {
        **{name: row[name] for name in _SAME},
        "status": _status(row),
        "plan": row["plan_id"],
        "replica": replicas.get(row["replica_id"]),
        "item": {
            "id": UUID(row["item_key"]) if row["item_key"] else row["plan_id"],
            "kind": row["item_kind"],
            "label": row["item_label"],
        },
        "values": {side: row[f"{side}_value"] for side in ("base", "replica", "hub")},
        "changed": {
            side: {"at": row[f"{side}_changed_at"], "by": row[f"{side}_changed_by"]}
            for side in ("replica", "hub")
        },
        "suggestion": _suggestion(row["suggestion"]),
        "assigned_to": row["assigned_to__username"],
        "decision": _decision(row),
    }


def _status(row: Mapping[str, Any]) -> str:
    until = row["postponed_until"]
    if row["state"] == Conflict.State.OPEN and until is not None and until > timezone.now():
        return "postponed"
    return str(row["state"])


def _suggestion(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not told:
        return None
    return {
        "take": told["take"],
        "confidence": told["confidence"],
        "reason": told["reason"],
        "decisions": [str(each) for each in told.get("decisions", ())],
    }


def _decision(row: Mapping[str, Any]) -> dict[str, Any] | None:
    if not row["taken"]:
        return None
    return {
        "take": row["taken"],
        "value": row["taken_value"],
        "by": row["decided_by"],
        "at": row["decided_at"],
        "operation": row["decision_id"],
        "applied_by": row["applied_by_id"],
    }


def whole_conflict_json(row: Conflict, replicas: Mapping[UUID, str]) -> dict[str, Any]:
    """With all that helps to decide. The row should come with `assigned_to`."""
    columns = {name: getattr(row, name) for name in COLUMNS if "__" not in name}
    person = row.assigned_to.get_username() if row.assigned_to is not None else None
    is_open = row.state == Conflict.State.OPEN
    return {
        **conflict_json({**columns, "assigned_to__username": person}, replicas),
        "path": row.path,
        "line": row.line,
        "excerpt": [{"line": number, "text": text} for number, text in row.excerpt],
        "found_by": row.operation_id,
        "options": [option_json(option) for option in choices.options(row)] if is_open else [],
        "takes_value": is_open and choices.takes_value(row),
    }


def option_json(option: Option) -> dict[str, Any]:
    return {
        "take": option.take,
        "hub": option.hub,
        "replica": option.replica,
        "drops": list(option.dropped),
        "changes_hub": option.changes_hub,
        "changes_replica": option.changes_replica,
    }


def bulk_json(found: Preview, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "decided": [
            {"conflict": effect.conflict.pk, **option_json(effect.option), "take": effect.take}
            for effect in found.effects
        ],
        "left": [{"conflict": row.pk, "reason": str(error)} for row, error in found.refused],
        "dropped": found.dropped,
        "fingerprint": found.fingerprint,
    }


_RULE = ("kinds", "severity", "strategies", "min_kept", "confidence", "note")


def policy_json(row: Policy, replicas: Mapping[UUID, str]) -> dict[str, Any]:
    """The row should come with its rules."""
    name = None if row.replica_id is None else replicas.get(row.replica_id, str(row.replica_id))
    return {
        "id": row.pk,
        "replica": name,
        **{
            column: getattr(row, column)
            for column in ("enabled", "reads_file", "owners", "watch", "changed_at")
        },
        "rules": [
            {"fields": rule.field_names, **{column: getattr(rule, column) for column in _RULE}}
            for rule in row.rules.all()
        ],
    }
