"""Light or dark: `chosen`, and the view `choose`. In a cookie, so that no page flashes in the other one."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

COOKIE = "planning_sync_theme"
THEMES = ("light", "dark")
"""Any other value follows the system."""
_YEAR_SECONDS = 365 * 24 * 3600


def chosen(request: HttpRequest) -> str:
    """ "light", "dark", or "" to follow the system."""
    theme = request.COOKIES.get(COOKIE, "")
    return theme if theme in THEMES else ""


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep `theme` for this browser, and go back to the page `next`."""
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    response = HttpResponseRedirect(back if safe else "/")
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        response.set_cookie(
            COOKIE, theme, max_age=_YEAR_SECONDS, secure=settings.HTTPS, httponly=True, samesite="Lax"
        )
    else:
        response.delete_cookie(COOKIE)
    return response
