"""What every page may need: `{% places %}`, `{% theme %}`, and times: `|ago`, `|to_the_second`, `moment`."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.template.context import Context
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _

from planning_sync.dashboard import places as registry
from planning_sync.dashboard import themes

register = template.Library()


@register.simple_tag(takes_context=True)
def places(context: Context) -> list[registry.Shown]:
    """The places that the navigation of this page shows."""
    request = context["request"]
    return registry.shown(request.user, request.path)


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """ "light", "dark", or "" to follow the system."""
    return themes.chosen(context["request"]) if "request" in context else ""


@register.filter
def ago(at: datetime | None) -> str:
    """How long ago that was, or in how long it will be, in one unit."""
    if at is None:
        return ""
    now = timezone.now()
    if abs(now - at) < timedelta(minutes=1):
        return _("just now") if at <= now else _("in a moment")
    if at > now:
        return _("in %(time)s") % {"time": timeuntil(at, now, depth=1)}
    return _("%(time)s ago") % {"time": timesince(at, now, depth=1)}


@register.filter(expects_localtime=True)
def to_the_second(at: datetime) -> str:
    """The time as the language writes it, for where several in a minute are to be told apart."""
    return f"{formats.date_format(at, 'SHORT_DATE_FORMAT')}, {at:%H:%M:%S}"


@register.simple_tag
def moment(at: datetime | None) -> str:
    """A time as how long ago, with the exact one to point at."""
    if at is None:
        return ""
    exact = formats.date_format(timezone.localtime(at), "DATETIME_FORMAT")
    # No template of its own: a page has hundreds of them.
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, ago(at))
