"""A page for people: the API keys that have one's own rights, to make and to revoke.

Here rather than in the dashboard, which knows nothing of the API beside it. The frame of the page is that of
all pages.
"""

from __future__ import annotations

from datetime import timedelta
from typing import cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from planning_sync.api import services
from planning_sync.api.models import ApiKey
from planning_sync.api.services import Made
from planning_sync.roles import access
from planning_sync.sync.models import Replica

MAKE = "api.add_apikey"
REVOKE = "api.change_apikey"
_LIFETIMES = (
    ("30", gettext_lazy("30 days")),
    ("90", gettext_lazy("90 days")),
    ("365", gettext_lazy("a year")),
    ("", gettext_lazy("for good")),
)


class KeyForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("What it is for. The log shows it as key:NAME; names are never used again."),
    )
    role = forms.ModelChoiceField(
        Group.objects.order_by("name"),
        label=gettext_lazy("May do"),
        required=False,
        empty_label=gettext_lazy("all that I may do"),
    )
    days = forms.ChoiceField(label=gettext_lazy("Good for"), choices=_LIFETIMES, initial="90", required=False)

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if not name.isprintable():
            raise forms.ValidationError(_("Printable characters only."))
        if ApiKey.objects.filter(name=name).exists():
            raise forms.ValidationError(_("There is a key of that name already."))
        return name


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(MAKE, raise_exception=True)
def own_keys(request: HttpRequest) -> HttpResponse:
    """The keys; posted, a new one, whose secret is on the page that answers and nowhere else."""
    if request.method != "POST":
        return _page(request, KeyForm())
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    return _page(request, KeyForm(), made=_make(_person(request), form))


@require_POST
@permission_required(REVOKE, raise_exception=True)
def revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    key = get_object_or_404(ApiKey, pk=key_id, owner=_person(request))
    services.revoke_key(key, actor=_person(request).get_username())
    messages.success(request, _("The key %(name)s is revoked.") % {"name": key.name})
    return redirect("api:own-keys")


def _make(person: User, form: KeyForm) -> Made:
    role, days = form.cleaned_data["role"], form.cleaned_data["days"]
    limits = access.replica_ids(person)
    return services.make_key(
        form.cleaned_data["name"],
        owner=person,
        actor=person.get_username(),
        roles=[role] if role is not None else [],
        replicas=Replica.objects.filter(pk__in=limits) if limits is not None else (),
        expires_at=timezone.now() + timedelta(days=int(days)) if days else None,
    )


def _page(
    request: HttpRequest, form: KeyForm, *, made: Made | None = None, status: int = 200
) -> HttpResponse:
    keys = ApiKey.objects.filter(owner=_person(request)).prefetch_related("roles", "replicas")
    context = {"form": form, "made": made, "keys": keys.order_by("revoked_at", "name"), "now": timezone.now()}
    return render(request, "api/keys.html", context, status=status)


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)
