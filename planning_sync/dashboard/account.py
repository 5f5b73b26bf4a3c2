"""What people set for themselves: the views `settings`, `profile`, `password` and `notifications`.

The log hears of a changed e-mail address or password by way of `audit.people`.
"""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from audit.transactions import write_transaction
from planning_sync.roles import access
from planning_sync.sync.models import Replica
from planning_sync.webhooks import alerts
from planning_sync.webhooks.errors import UnknownAlert

_PROFILE = ("first_name", "last_name", "email")


class ProfileForm(forms.ModelForm[User]):
    class Meta:
        model = User
        fields = _PROFILE
        widgets = {  # noqa: RUF012  # as Django reads it
            "first_name": forms.TextInput(attrs={"autocomplete": "given-name"}),
            "last_name": forms.TextInput(attrs={"autocomplete": "family-name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
        }


class PasswordForm(PasswordChangeForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # One of several forms on the page, and not the first.
        del self.fields["old_password"].widget.attrs["autofocus"]


@require_safe
def settings(request: HttpRequest) -> HttpResponse:
    return _page(request)


@require_POST
def profile(request: HttpRequest) -> HttpResponse:
    # Another instance than `request.user`: what is refused must not show in the frame of the page.
    form = ProfileForm(request.POST, instance=User.objects.get(pk=_person(request).pk))
    if not form.is_valid():
        return _page(request, profile=form)
    with write_transaction():
        form.instance.save(update_fields=_PROFILE)
    messages.success(request, _("Saved."))
    return redirect("dashboard:settings")


@sensitive_post_parameters()
@require_POST
def password(request: HttpRequest) -> HttpResponse:
    """Other browsers, and tokens that were issued for the old password, are signed out by it."""
    form = PasswordForm(_person(request), request.POST)
    if not form.is_valid():
        return _page(request, password=form)
    with write_transaction():
        form.save()
    update_session_auth_hash(request, form.user)
    messages.success(request, _("The password was changed. Everywhere else you are signed out."))
    return redirect("dashboard:settings")


@require_POST
def notifications(request: HttpRequest) -> HttpResponse:
    """Of what to tell this person by e-mail: the boxes that are ticked, and nothing else."""
    person = _person(request)
    try:
        alerts.choose(person, request.POST.getlist("kind"), actor=person.get_username())
    except UnknownAlert as error:
        raise BadRequest(str(error)) from error
    messages.success(request, _("Saved."))
    return redirect("dashboard:settings")


def _page(
    request: HttpRequest, *, profile: ProfileForm | None = None, password: PasswordForm | None = None
) -> HttpResponse:
    """All the forms; one that was refused says why."""
    user = _person(request)
    limits, chosen = access.replica_ids(user), alerts.choices(user)
    context = {
        "profile": profile or ProfileForm(instance=user),
        "password": password or PasswordForm(user),
        "alerts": [(kind, label, kind in chosen) for kind, label in alerts.KINDS.items()],
        "mail": alerts.can_send(),
        "roles": user.groups.order_by("name"),
        "limits": None if limits is None else Replica.objects.filter(pk__in=limits).order_by("name"),
    }
    return render(request, "dashboard/settings.html", context, status=422 if profile or password else 200)


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)
