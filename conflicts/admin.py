"""Conflicts in the admin: a queue with filters, one conflict on one screen, many at once with a preview."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from audit.admin import ReadOnlyAdmin
from conflicts import (
    desk,
    pages,
    policy_admin,  # noqa: F401  # registers its own models
    presentation,
    queue,
)
from conflicts.desk import Act, Bulk, Outdated
from conflicts.errors import ConflictsError
from conflicts.models import Conflict
from conflicts.presentation import Brief, refusals
from conflicts.queue import DECIDE, Filters
from plans.errors import PlansError

_KEPT = "_changelist_filters"
"""The admin's parameter with the filters of the list that one came from."""


class QueueFilter(admin.SimpleListFilter):
    """One of the queue's filters, in the admin's sidebar."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [choice for choice in queue.choices_of(str(self.parameter_name), request.user) if choice[0]]

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queue.narrowed(queryset, str(self.parameter_name), self.value() or "", user=request.user)


class StateFilter(QueueFilter):
    """Its "all" is the queue: what is open and not postponed."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def choices(self, changelist: Any) -> Any:
        found = list(super().choices(changelist))
        found[0]["display"] = _("open")
        return found


def _filter(name: str, title: str | Promise) -> type[QueueFilter]:
    return type(f"{name.capitalize()}Filter", (QueueFilter,), {"title": title, "parameter_name": name})


FILTERS = (
    StateFilter,
    _filter("severity", gettext_lazy("severity")),
    _filter("kind", gettext_lazy("kind")),
    _filter("field", gettext_lazy("field")),
    _filter("age", gettext_lazy("opened")),
    _filter("suggestion", gettext_lazy("suggestion")),
    _filter("assigned", gettext_lazy("assigned to")),
    _filter("plan", gettext_lazy("plan")),
)


class QueueList(ChangeList):
    """The rows of a page come with what is shown of them, made for all at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = rows = queue.fetched(self.result_list)
        for brief in presentation.briefs(rows):
            brief.conflict.__dict__["_brief"] = brief


def _action(act: Act) -> Callable[[ConflictAdmin, HttpRequest, QuerySet[Any]], HttpResponse]:
    @admin.action(description=act.label, permissions=["decide"])
    def run(self: ConflictAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        return self.preview(request, act.name, queryset)

    run.__name__ = act.name
    return run


@admin.register(Conflict)
class ConflictAdmin(ReadOnlyAdmin):
    list_display = ("severity_mark", "what", "values", "age", "suggested", "assigned")
    list_display_links = ("what",)
    list_filter = FILTERS
    search_fields = ("item_label", "=id", "=plan__id")
    list_select_related = ("plan", "assigned_to")
    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    actions = [_action(act) for act in desk.ACTS]  # noqa: RUF012  # as its base declares it

    class Media:
        css = {"all": ["conflicts/arbitration.css", "conflicts/admin.css"]}  # noqa: RUF012  # as Django reads it

    # ------------------------------------------------------------------------------------- the queue

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """The permission that the actions need."""
        return request.user.has_perm(DECIDE)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Conflicts"), **(extra_context or {})})

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return QueueList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conflict]:
        found: QuerySet[Conflict] = super().get_queryset(request)
        return found.annotate(rank=queue.RANK)

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return (queue.RANK.asc(), "opened_at", "pk")

    def get_urls(self) -> list[URLPattern]:
        bulk = self.admin_site.admin_view(self.bulk)
        return [path("bulk/", bulk, name="conflicts_conflict_bulk"), *super().get_urls()]

    @admin.display(description=gettext_lazy("severity"), ordering="rank")
    def severity_mark(self, row: Conflict) -> str:
        return format_html(
            '<span class="arbitration"><span class="severity {}">{}</span></span>',
            row.severity,
            row.get_severity_display(),
        )

    @admin.display(description=gettext_lazy("what"))
    def what(self, row: Conflict) -> str:
        brief = _brief(row)
        place = " · ".join(filter(None, (brief.field, row.plan.title if row.plan else "")))
        return format_html("{}<small>{}</small>", brief.title, place)

    @admin.display(description=gettext_lazy("values"))
    def values(self, row: Conflict) -> str:
        brief = _brief(row)
        sides = ((_("file"), brief.replica), (_("hub"), brief.hub))
        return format_html_join("", "<div><b>{}</b> {}</div>", sides)

    @admin.display(description=gettext_lazy("open for"), ordering="opened_at")
    def age(self, row: Conflict) -> str:
        return timesince(row.opened_at, depth=1)

    @admin.display(description=gettext_lazy("suggested"))
    def suggested(self, row: Conflict) -> str:
        brief = _brief(row)
        return f"{brief.suggested}, {brief.percent} %" if brief.suggested else ""

    @admin.display(description=gettext_lazy("assigned"), ordering="assigned_to")
    def assigned(self, row: Conflict) -> str:
        return row.assigned_to.get_username() if row.assigned_to else ""

    # ------------------------------------------------------------------------------------- one conflict

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The screen of one conflict; a form posted to it decides, hands over or puts off."""
        row = self._row(request, object_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if request.method != "POST":
            return self._screen(request, row)
        if not self.has_decide_permission(request):
            raise PermissionDenied
        if "take" in request.POST:
            return self._take(request, row)
        return self._act(request, row)

    def _screen(
        self, request: HttpRequest, row: Conflict, *, typed: str | None = None, problem: str = ""
    ) -> HttpResponse:
        filters = _filters(request)
        context = {
            **self.admin_site.each_context(request),
            **pages.one(
                row,
                filters=filters,
                user=request.user,
                may_decide=self.has_decide_permission(request),
                address=lambda pk: _address(pk, filters),
                back=_list(filters),
            ),
            "opts": self.opts,
            "media": self.media,
            "title": presentation.title_of(row),
            "plan_url": _reverse("admin:plans_plan_change", row.plan_id) if row.plan else "",
        }
        context |= {"typed_value": typed, "problem": problem}
        template = "admin/conflicts/conflict/decide.html"
        return TemplateResponse(request, template, context, status=422 if problem else 200)

    def _take(self, request: HttpRequest, row: Conflict) -> HttpResponse:
        filters = _filters(request)
        following = queue.next_after(row, filters.choose(request.user))
        typed = request.POST.get("value", "")
        try:
            decided = desk.decide(
                row.pk,
                take=request.POST["take"],
                typed=typed,
                stamp=request.POST.get("stamp", ""),
                actor=request.user.get_username(),
            )
        except PlansError as error:
            return self._screen(request, row, typed=typed, problem=refusals.told(error))
        except ConflictsError as error:
            self.message_user(request, refusals.told(error), messages.ERROR)
            return redirect(_address(row.pk, filters))
        self._tell(request, pages.told(decided), decided)
        return redirect(_address(following, filters) if following else _list(filters))

    def _act(self, request: HttpRequest, row: Conflict) -> HttpResponse:
        filters = _filters(request)
        name = request.POST.get("act", "")
        following = queue.next_after(row, filters.choose(request.user))
        try:
            desk.act(name, [row.pk], user=request.user, to=request.POST.get("to", ""))
        except ConflictsError as error:
            self.message_user(request, refusals.told(error), messages.ERROR)
            return redirect(_address(row.pk, filters))
        if name.startswith("postpone") and following:
            return redirect(_address(following, filters))
        return redirect(_list(filters) if name.startswith("postpone") else _address(row.pk, filters))

    def _row(self, request: HttpRequest, object_id: str) -> Conflict:
        pk = _uuid(object_id)
        row = queue.shown(queue.seen_by(request.user).filter(pk=pk)).first() if pk else None
        if row is None:
            raise Http404(_("There is no such conflict."))
        return row

    # ------------------------------------------------------------------------------------- many at once

    def preview(self, request: HttpRequest, name: str, chosen: QuerySet[Any]) -> HttpResponse:
        """The page that says what the act would do to each; None of it is done yet."""
        ids = list(chosen.values_list("pk", flat=True)[: desk.MOST + 1])
        try:
            prepared = desk.prepare(name, ids)
        except ConflictsError as error:
            self.message_user(request, refusals.told(error), messages.ERROR)
            return redirect(request.get_full_path())
        return self._preview(request, prepared, Filters.of(request.GET))

    def bulk(self, request: HttpRequest) -> HttpResponse:
        """Does what a preview said, if everything is still as it was then."""
        if request.method != "POST" or not self.has_decide_permission(request):
            raise PermissionDenied
        filters = Filters.of({name[2:]: value for name, value in request.POST.items() if name[:2] == "f_"})
        name = request.POST.get("act", "")
        named = [pk for word in request.POST.get("ids", "").split() if (pk := _uuid(word))]
        ids = queue.visible_among(named, request.user)
        try:
            fingerprint = request.POST.get("fingerprint", "")
            count = desk.carry_out(name, ids, user=request.user, fingerprint=fingerprint)
        except Outdated as error:
            return self._preview(request, error.bulk, filters, refusals.told(error))
        except (ConflictsError, PlansError) as error:
            self.message_user(request, refusals.told(error), messages.ERROR)
            return redirect(_list(filters))
        told = ngettext("%d conflict changed.", "%d conflicts changed.", count) % count
        decided = desk.decided_last(name, ids, actor=request.user.get_username()) if count else None
        self._tell(request, told, decided)
        return redirect(_list(filters))

    def _preview(
        self, request: HttpRequest, prepared: Bulk, filters: Filters, problem: str = ""
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": _("Preview: %(label)s") % {"label": prepared.act.label},
            "bulk": prepared,
            "ids": " ".join(str(pk) for pk in prepared.ids),
            "filters": filters.given(),
            "here": reverse("admin:conflicts_conflict_bulk"),
            "back": _list(filters),
            "problem": problem,
        }
        template = "admin/conflicts/conflict/bulk.html"
        return TemplateResponse(request, template, context, status=409 if problem else 200)

    def _tell(self, request: HttpRequest, told: str, decided: Conflict | None) -> None:
        """Say what was done; of a decision, with the way back where there is one."""
        if decided is None or decided.decision_id is None:
            self.message_user(request, told, messages.SUCCESS)
            return
        request.session[pages.LAST_DECISION] = str(decided.decision_id)
        undo = _reverse("dashboard:conflicts_undo")
        if undo:
            here = reverse("admin:conflicts_conflict_changelist")
            link = format_html('{} <a href="{}?next={}">{}</a>', told, undo, here, _("Undo"))
            self.message_user(request, link, messages.SUCCESS)
        else:
            self.message_user(request, told, messages.SUCCESS)


def _brief(row: Conflict) -> Brief:
    found: Brief = row.__dict__["_brief"]
    return found


def _filters(request: HttpRequest) -> Filters:
    return Filters.of(QueryDict(request.GET.get(_KEPT, "")).dict())


def _address(pk: UUID, filters: Filters) -> str:
    kept = QueryDict(mutable=True)
    kept[_KEPT] = filters.as_query()
    query = f"?{kept.urlencode()}" if filters.given() else ""
    return reverse("admin:conflicts_conflict_change", args=[pk]) + query


def _list(filters: Filters) -> str:
    query = f"?{filters.as_query()}" if filters.given() else ""
    return reverse("admin:conflicts_conflict_changelist") + query


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _reverse(name: str, *args: object) -> str:
    """The address, or "" where this site has no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
