"""What the rules say of the plans: the views `listed`, `of_plan` and `fix`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import Avg, Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from audit import sight
from conflicts.queue import Someone
from planning_sync.dashboard import charts, previews
from planning_sync.dashboard.charts import Line, Strip
from planning_sync.dashboard.figures import Figure
from planning_sync.dashboard.operations import failure, undo_link
from planning_sync.dashboard.parameters import Parameters
from planning_sync.dashboard.plan import find, frame
from planning_sync.replicas.errors import ReplicaError
from planning_sync.roles import access
from planning_sync.sync import undo_rights
from planning_sync.sync.errors import SyncError
from planning_sync.sync.undo_preview import PlanPreview
from planning_sync.validation import services
from planning_sync.validation.errors import NoFile
from planning_sync.validation.models import Assessment, Score
from plans.errors import PlansError
from plans.models import Plan
from plans.rules import Rule, all_rules

LOOK = "plans.view_plan"
PLANS_PER_PAGE = 50
DAYS = 30
RULES_MOST = 6
_FAILURES = (SyncError, ReplicaError, PlansError)

_STATES: Mapping[str, tuple[Promise, Q]] = {
    "errors": (gettext_lazy("with errors"), Q(errors__gt=0)),
    "warnings": (gettext_lazy("with warnings"), Q(warnings__gt=0)),
    "fixable": (gettext_lazy("with something to fix"), Q(fixable__gt=0)),
    "sound": (gettext_lazy("with all points"), Q(score=100)),
}


@dataclass(frozen=True)
class Filters(Parameters):
    """Which plans; each "" leaves all in, and what makes no sense finds nothing."""

    q: str = ""
    rule: str = ""
    state: str = ""

    def choose(self, user: Someone) -> QuerySet[Assessment]:
        """The verdicts, the worst first."""
        rows = verdicts(user).select_related("plan").defer("findings", "metrics")
        if self.q:
            rows = rows.filter(Q(plan__title__icontains=self.q) | Q(link__path__icontains=self.q))
        if self.rule:
            rows = rows.filter(rules__contains=Assessment.mention(self.rule))
        if self.state:
            rows = rows.filter(_STATES[self.state][1]) if self.state in _STATES else rows.none()
        return rows.order_by("score", "plan__title", "pk")


class Day(NamedTuple):
    date: date
    score: float
    """The average of the plans that had one by then."""


class Trend(NamedTuple):
    days: Sequence[Day]
    line: Line

    @property
    def columns(self) -> Iterable[tuple[Day, Strip]]:
        return zip(self.days, self.line.strips, strict=True)


class Told(NamedTuple):
    """A rule that found something, and in how many plans."""

    rule: str
    name: str
    plans: int


class Verdict(NamedTuple):
    """What one rule found in a plan."""

    rule: str
    severity: str
    name: str
    explanation: str
    points: float
    findings: Sequence[Mapping[str, Any]]
    fix: str
    """`safe` or `unsafe`, as the fixes of these findings are; "" where there is none."""


def verdicts(user: Someone) -> QuerySet[Assessment]:
    """Of the plans outside the bin, by the files that this person may see."""
    return sight.shown(Assessment.objects.filter(plan__deleted_at=None), user)


def figure(user: Someone) -> Figure | None:
    """The average score, and the plans with errors; None before the first look, and for whom it is not."""
    if not user.has_perm(LOOK):  # type: ignore[union-attr]  # every account of ours
        return None
    found = verdicts(user).aggregate(score=Avg("score"), errors=Count("pk", filter=_STATES["errors"][1]))
    if found["score"] is None:
        return None
    number, address = number_format(found["score"], 1), reverse("dashboard:validation")
    if not found["errors"]:
        return Figure(number, _("of 100 points on average, no plan with errors"), address)
    label = ngettext(
        "of 100 points on average, %(n)d plan with errors",
        "of 100 points on average, %(n)d plans with errors",
        found["errors"],
    )
    return Figure(number, label % {"n": found["errors"]}, f"{address}?state=errors", alarming=True)


@require_safe
@permission_required(LOOK, raise_exception=True)
def listed(request: HttpRequest) -> HttpResponse:
    """The plans by their scores, the rules that found most, and how the scores went."""
    filters = Filters.of(request.GET)
    page = Paginator(filters.choose(request.user), PLANS_PER_PAGE).get_page(request.GET.get("page"))
    rows = verdicts(request.user)
    context = {
        "page": page,
        "filters": filters.given(),
        "score": rows.aggregate(score=Avg("score"))["score"],
        "counts": {name: rows.filter(rule).count() for name, (_label, rule) in _STATES.items()},
        "told": _told(rows),
        "rules": sorted(all_rules()),
        "states": [(name, label) for name, (label, _rule) in _STATES.items()],
        "trend": trend(request.user, today=timezone.localdate()),
    }
    return render(request, "dashboard/validation.html", context)


def _told(rows: QuerySet[Assessment]) -> list[Told]:
    """The rules that found something in most plans."""
    counted = Counter(
        rule for rules in rows.order_by().values_list("rules", flat=True) for rule in rules.split("|") if rule
    )
    return [Told(rule, _name(rule), number) for rule, number in counted.most_common(RULES_MOST)]


def _name(rule: str) -> str:
    known = all_rules().get(rule)
    return _(known.name) if known is not None else _("a rule of your own")


def trend(user: Someone, *, today: date, days: int = DAYS) -> Trend:
    """The average score at the end of each day since there is one; a score holds until the next one."""
    history = sight.shown(Score.objects.filter(plan__deleted_at=None), user)
    changes: dict[date, dict[UUID, float]] = defaultdict(dict)
    first = today - timedelta(days=days - 1)
    for plan_id, at, score in history.order_by("at", "pk").values_list("plan_id", "at", "score"):
        changes[max(first, timezone.localdate(at))][plan_id] = score
    present: dict[UUID, float] = {}
    found: list[Day] = []
    for number in range(days):
        day = first + timedelta(days=number)
        present |= changes[day]
        if present:
            found.append(Day(day, round(sum(present.values()) / len(present), 1)))
    return Trend(found, charts.line([day.score for day in found], top=100))


# ------------------------------------------------------------------------------------------ one plan


@require_safe
@permission_required(LOOK, raise_exception=True)
def of_plan(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """What the rules found in the plan's file, rule by rule, and what it costs."""
    plan = find(request, plan_id)
    row = verdicts(request.user).select_related("link__replica").filter(plan=plan).first()
    context: dict[str, Any] = {**frame(request, plan, "plan_validation"), "row": row}
    if row is not None:
        found = by_rule(row)
        context |= {
            "verdicts": found,
            "may_fix": request.user.has_perm(undo_rights.CHANGE),
            "safe": any(each.fix == "safe" for each in found),
            "unsafe": any(each.fix == "unsafe" for each in found),
        }
    return render(request, "dashboard/plan_validation.html", context)


def by_rule(row: Assessment) -> list[Verdict]:
    """The most expensive rule first."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for finding in row.findings:
        found[finding["rule"]].append(finding)
    return [_verdict(cost, found[cost["rule"]], all_rules().get(cost["rule"])) for cost in row.costs]


def _verdict(cost: Mapping[str, Any], found: Sequence[Mapping[str, Any]], rule: Rule | None) -> Verdict:
    fixes = [finding["safe"] for finding in found if finding["fixable"]]
    return Verdict(
        *(cost["rule"], cost["severity"], _name(cost["rule"])),
        explanation=rule.explanation if rule is not None else "",
        points=cost["points"],
        findings=found,
        fix="" if not fixes else "safe" if all(fixes) else "unsafe",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(undo_rights.CHANGE, raise_exception=True)
def fix(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """What the fixes would change, and the button for it. `?rule=` names one, `?unsafe=1` has all of them."""
    plan = find(request, plan_id)
    wanted = _Wanted(
        plan, request.GET.get("rule", ""), request.GET.get("unsafe") == "1", access.replica_ids(request.user)
    )
    try:
        found = wanted.asked(services.preview_fix)
        if request.method != "POST":
            return _preview(request, wanted, found)
        if request.POST.get("fingerprint") != _fingerprint(found, plan):
            told = _("The plan changed while you looked. Nothing was mended; here is what would change now.")
            return _preview(request, wanted, found, problem=told)
        outcome = wanted.asked(services.fix, actor=request.user.get_username())
    except (*_FAILURES, NoFile) as error:
        messages.error(request, failure(error))
        return redirect("dashboard:plan_validation", plan.pk)
    messages.success(request, format_html("{} {}", _("Mended."), undo_link(outcome.operation.pk)))
    return redirect("dashboard:plan_validation", plan.pk)


def _fingerprint(found: PlanPreview, plan: Plan) -> str:
    """Of the lines alone: what is new to the hub has another id each time that it is looked at."""
    told = json.dumps([[file.path, file.lines] for file in found.files] + [plan.revision])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class _Wanted(NamedTuple):
    plan: Plan
    rule: str
    unsafe: bool
    replica_ids: frozenset[UUID] | None

    def asked(self, act: Callable[..., Any], **more: Any) -> Any:
        only = [self.rule] if self.rule else []
        return act(self.plan.pk, only=only, unsafe=self.unsafe, replica_ids=self.replica_ids, **more)


def _preview(request: HttpRequest, wanted: _Wanted, found: PlanPreview, *, problem: str = "") -> HttpResponse:
    (shown,) = previews.shown([found], request.user)
    context = {
        "plan": wanted.plan,
        "rule": wanted.rule,
        "unsafe": wanted.unsafe,
        "plans": [shown] if shown.does_something else [],
        "fingerprint": _fingerprint(found, wanted.plan),
        "problem": problem,
    }
    return render(request, "dashboard/plan_fix.html", context, status=409 if problem else 200)
