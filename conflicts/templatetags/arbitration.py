"""`{% waiting_conflicts user %}` for a badge, `{% newest_entry %}` to see later whether anything is new."""

from __future__ import annotations

from django import template
from django.contrib.auth.models import AnonymousUser, User

from conflicts import queue

register = template.Library()


@register.simple_tag
def waiting_conflicts(user: User | AnonymousUser) -> int | None:
    """How many conflicts wait for somebody; None for who may not look."""
    return queue.waiting_count(user) if user.has_perm(queue.LOOK) else None


@register.simple_tag
def newest_entry() -> int:
    return queue.newest_entry()
