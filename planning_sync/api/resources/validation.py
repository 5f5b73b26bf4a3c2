"""`/validate`: what the rules for plans say, of plans of the hub and of others, and fixes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api import editing
from planning_sync.api.describing import described
from planning_sync.api.paging import PageQuery, page, page_serializer
from planning_sync.api.principals import Principal, visible_plans, visible_replicas
from planning_sync.api.problems import tell
from planning_sync.api.resources.moments import RESTORED, RestoredSerializer, restored
from planning_sync.api.resources.operations import named_dependents
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked, given
from planning_sync.roles import access
from planning_sync.sync import sides, validity
from planning_sync.validation import assessing, services
from planning_sync.validation.errors import NoFile
from planning_sync.validation.models import Assessment, Score
from plans import rules
from plans.api import Strict, line
from plans.rules import Facts, Level, Severity, ValidationResult

MOST_PLANS = 100
"""Of one batch."""

tell("no-file", 409, "The plan has no Markdown file", NoFile)


class RuleFindingSerializer(serializers.Serializer[Any]):
    rule = serializers.CharField()
    level = serializers.ChoiceField([(str(each), str(each)) for each in Level])
    severity = serializers.ChoiceField([(str(each), str(each)) for each in Severity])
    line = serializers.IntegerField(help_text="From 1; 0 where it concerns the whole file.")
    column = serializers.IntegerField(help_text="From 1, in characters; 0 where it concerns whole lines.")
    end_line = serializers.IntegerField()
    end_column = serializers.IntegerField(help_text="Just after the last character.")
    message = serializers.CharField()
    fixable = serializers.BooleanField()
    safe = serializers.BooleanField(help_text="Whether the plan says the same after its fix.")
    fix = serializers.CharField(allow_blank=True, help_text="What the fix does.")


class RuleCostSerializer(serializers.Serializer[Any]):
    rule = serializers.CharField()
    severity = serializers.CharField()
    findings = serializers.IntegerField()
    points = serializers.FloatField(help_text="What they cost the score.")
    capped = serializers.BooleanField(help_text="Whether more of them would have cost no more.")


class PlanMetricsSerializer(serializers.Serializer[Any]):
    bytes = serializers.IntegerField()
    lines = serializers.IntegerField()
    phases = serializers.IntegerField()
    tasks = serializers.IntegerField()
    done = serializers.IntegerField()
    progress = serializers.FloatField(help_text="Percentage.")
    declared_progress = serializers.FloatField(allow_null=True)
    depth = serializers.IntegerField()


class ValidationSerializer(serializers.Serializer[Any]):
    plan = serializers.UUIDField(allow_null=True, help_text="null of a file that was sent.")
    path = serializers.CharField(allow_blank=True)
    valid = serializers.BooleanField(help_text="Whether no rule of severity `error` found anything.")
    score = serializers.FloatField(help_text="0 to 100.")
    errors = serializers.IntegerField()  # type: ignore[assignment]  # shadows it, to no harm
    warnings = serializers.IntegerField()
    remarks = serializers.IntegerField()
    fixable = serializers.IntegerField()
    findings = RuleFindingSerializer(many=True, help_text="By line.")
    costs = RuleCostSerializer(many=True, help_text="What the score lost, the most expensive rule first.")
    metrics = PlanMetricsSerializer()
    problem = serializers.CharField(
        allow_blank=True, help_text="Why the file of rules beside the plans could not be read."
    )


class ScorePointSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    score = serializers.FloatField()


class PlanValidationSerializer(ValidationSerializer):
    history = ScorePointSerializer(many=True, help_text="Its score over time, oldest first; the last 100.")


class ValidationFile(Strict):
    text = serializers.CharField(allow_blank=True, trim_whitespace=False, help_text="The Markdown.")
    name = line(400, default="plan.md", help_text="Its path: rules may hold for some folders alone.")
    replica = line(200, required=False, help_text="By the rules of this replica; else by those that ship.")


class ValidationBatch(Strict):
    plans = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST_PLANS)


class ValidationReportSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField()
    score = serializers.FloatField(help_text="The average.")
    results = ValidationSerializer(many=True)


class ValidationFix(Strict):
    rules = serializers.ListField(
        child=line(64), required=False, max_length=100, help_text="Only what these found; else all of it."
    )
    unsafe = serializers.BooleanField(default=False, help_text="Also what changes what the plan says.")
    dry_run = serializers.BooleanField(default=False, help_text="Say what would change, and change nothing.")


class PlanScoreSerializer(serializers.Serializer[Any]):
    plan = serializers.UUIDField()
    title = serializers.CharField(allow_blank=True)
    score = serializers.FloatField()
    valid = serializers.BooleanField()
    errors = serializers.IntegerField()  # type: ignore[assignment]  # shadows it, to no harm
    warnings = serializers.IntegerField()
    remarks = serializers.IntegerField()
    fixable = serializers.IntegerField()
    checked_at = serializers.DateTimeField()


class ShippedRuleSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    level = serializers.CharField()
    severity = serializers.CharField()
    name = serializers.CharField()
    explanation = serializers.CharField()
    enabled = serializers.BooleanField(help_text="Where no file of rules says otherwise.")
    fix = serializers.CharField(allow_blank=True, help_text="safe, unsafe or nothing.")


class ShippedRulesSerializer(serializers.Serializer[Any]):
    rules = ShippedRuleSerializer(many=True)


_FINDING = {
    "rule": "task-box",
    "level": "schema",
    "severity": "warning",
    "line": 5,
    "column": 1,
    "end_line": 5,
    "end_column": 14,
    "message": "This looks like a task and is none: no blank after the box",
    "fixable": True,
    "safe": False,
    "fix": "Add the blank after the box",
}
_METRICS = {
    "bytes": 64,
    "lines": 6,
    "phases": 1,
    "tasks": 2,
    "done": 1,
    "progress": 50.0,
    "declared_progress": None,
    "depth": 1,
}
_RESULT = {
    "plan": None,
    "path": "launch.md",
    "valid": True,
    "score": 97.0,
    "errors": 0,
    "warnings": 1,
    "remarks": 0,
    "fixable": 1,
    "findings": [_FINDING],
    "costs": [{"rule": "task-box", "severity": "warning", "findings": 1, "points": 3.0, "capped": False}],
    "metrics": _METRICS,
    "problem": "",
}
_PLAN_ID = "01936b7e-2f62-7d11-b0c5-6a2b7f0e9d41"
_OF_PLAN = {**_RESULT, "plan": _PLAN_ID}
_STANDING = {
    "plan": _PLAN_ID,
    "title": "Launch",
    **{name: _RESULT[name] for name in ("score", "valid", "errors", "warnings", "remarks", "fixable")},
    "checked_at": "2026-05-04T10:00:00Z",
}
_RULE = {
    "id": "task-box",
    "level": "schema",
    "severity": "warning",
    "name": "a box that makes no task",
    "explanation": "The line looks like a task and is none.",
    "enabled": True,
    "fix": "unsafe",
}


def result_json(
    result: ValidationResult, *, plan: UUID | None = None, path: str = "", problem: str = ""
) -> dict[str, Any]:
    told = {"plan": plan, "path": path or result.path, "valid": result.is_valid, "problem": problem}
    return {**told, **{name: value for name, value in assessing.told(result).items() if name != "rules"}}


class OfPlan(ApiView):
    also_answers = (409,)

    @described(
        "What the rules say of a plan",
        tag="validation",
        operation="validate_plan",
        answer=PlanValidationSerializer,
        example={**_OF_PLAN, "history": [{"at": "2026-05-04T10:00:00Z", "score": 97.0}]},
    )
    def get(self, request: Request, plan_id: UUID) -> Response:
        """Of its Markdown file as it was at the last sync, by the rules beside its plans."""
        plan = editing.find_plan(self.who, plan_id)
        scores = access.within(Score.objects.filter(plan=plan), self.who.replica_ids)
        newest = scores.order_by("-at", "-pk").values("at", "score")[:100]
        return Response({**_judged(self.who, plan.pk), "history": list(newest)[::-1]})


class OfFile(ApiView):
    @described(
        "What the rules say of a file that is sent",
        tag="validation",
        operation="validate_file",
        answer=ValidationSerializer,
        example=_RESULT,
        body=ValidationFile,
        body_example={"text": "# Launch\n\n- [ ]Tag the version\n", "name": "launch.md"},
    )
    def post(self, request: Request) -> Response:
        """Nothing is kept of it."""
        told = given(ValidationFile, request)
        rulebook = self._rulebook(told.get("replica"))
        found = rules.check(
            told["text"].encode("utf-8", "surrogatepass"),
            rulebook.file.settings(told["name"]),
            name=told["name"],
            facts=Facts(today=timezone.localdate()),
        )
        return Response(result_json(found, problem=rulebook.problem))

    def _rulebook(self, name: str | None) -> validity.Rulebook:
        if name is None:
            return validity.SHIPPED
        row = visible_replicas(self.who).filter(name=name).first()
        if row is None:
            raise ValidationError({"replica": [f"There is no replica {name!r}."]})
        return validity.rulebook_of(sides.connect(row))


class OfMany(ApiView):
    also_answers = (409,)

    @described(
        "What the rules say of several plans",
        tag="validation",
        operation="validate_batch",
        answer=ValidationReportSerializer,
        example={"valid": True, "score": 97.0, "results": [_OF_PLAN]},
        body=ValidationBatch,
        body_example={"plans": [_PLAN_ID]},
    )
    def post(self, request: Request) -> Response:
        """In the order given. One that is unknown, or has no Markdown file, refuses all of it."""
        ids = list(dict.fromkeys(given(ValidationBatch, request)["plans"]))
        seen = set(visible_plans(self.who).filter(pk__in=ids, deleted_at=None).values_list("pk", flat=True))
        if unknown := [pk for pk in ids if pk not in seen]:
            raise ValidationError({"plans": [f"There is no plan {pk}." for pk in unknown]})
        results = [_judged(self.who, pk) for pk in ids]
        score = round(sum(result["score"] for result in results) / len(results), 1)
        valid = all(result["valid"] for result in results)
        return Response({"valid": valid, "score": score, "results": results})


class FixPlan(ApiView):
    @described(
        "Mend what the rules found",
        tag="validation",
        operation="validate_fix",
        answer=RestoredSerializer,
        example=RESTORED,
        body=ValidationFix,
        body_example={"rules": ["task-box"], "unsafe": True, "dry_run": False},
    )
    def post(self, request: Request, plan_id: UUID) -> Response:
        """In the file and in the hub at once, and only on the lines of the fixes. It can be undone."""
        plan = editing.find_plan(self.who, plan_id)
        told = given(ValidationFix, request)
        only, within = told.get("rules", []), self.who.replica_ids
        if told["dry_run"]:
            shown = services.preview_fix(plan.pk, only=only, unsafe=told["unsafe"], replica_ids=within)
            return restored(self.who, preview=shown)
        with named_dependents(str(plan)):
            done = services.fix(
                plan.pk, only=only, unsafe=told["unsafe"], replica_ids=within, **self.who.marks
            )
        return restored(self.who, outcome=done)


class Standings(ApiView):
    @described(
        "The plans by their scores",
        tag="validation",
        operation="validate_plans",
        query=PageQuery,
        answer=page_serializer(PlanScoreSerializer),
        example={"results": [_STANDING], "next": None},
    )
    def get(self, request: Request) -> Response:
        """As they were found last, the worst first."""
        query = asked(PageQuery, request)
        rows = access.within(Assessment.objects.filter(plan__deleted_at=None), self.who.replica_ids)
        names = ("plan_id", "plan__title", "score", "errors", "warnings", "remarks", "fixable", "checked_at")
        return Response(page(request, rows, names, ("score", "plan_id"), query).as_json(_standing))


def _standing(row: dict[str, Any]) -> dict[str, Any]:
    plan, title = row.pop("plan_id"), row.pop("plan__title")
    return {"plan": plan, "title": title, "valid": not row["errors"], **row}


class Rules(ApiView):
    @described(
        "The rules that ship",
        tag="validation",
        operation="validate_rules",
        answer=ShippedRulesSerializer,
        example={"rules": [_RULE]},
    )
    def get(self, request: Request) -> Response:
        names = ("id", "level", "severity", "name", "explanation", "enabled", "fix")
        every = rules.all_rules().values()
        return Response({"rules": [{name: getattr(rule, name) for name in names} for rule in every]})


def _judged(who: Principal, plan_id: UUID) -> dict[str, Any]:
    each = services.due_of(plan_id, replica_ids=who.replica_ids)
    result = assessing.result_of(each)
    return result_json(result, plan=plan_id, path=each.link.path, problem=each.rulebook.problem)


_LOOK = "plans.view_plan"
ROUTES = (
    Route("validate/plans", Standings, "validate-plans", {"GET": _LOOK}),
    Route("validate/rules", Rules, "validate-rules", {"GET": _LOOK}),
    Route("validate/file", OfFile, "validate-file", {"POST": _LOOK}),
    Route("validate/batch", OfMany, "validate-batch", {"POST": _LOOK}),
    Route("validate/plan/<uuid:plan_id>", OfPlan, "validate-plan", {"GET": _LOOK}),
    Route("validate/plan/<uuid:plan_id>/fix", FixPlan, "validate-fix", {"POST": "plans.change_plan"}),
)
