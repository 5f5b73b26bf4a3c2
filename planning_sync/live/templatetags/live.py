"""`{% live_cursor %}`: how far the log is while a page is made, for `data-live-cursor` of its body.

The page then hears of all that happened since it was made, not since its socket opened.
"""

from __future__ import annotations

from django import template

from planning_sync.live import log

register = template.Library()


@register.simple_tag
def live_cursor() -> str:
    return log.position()
