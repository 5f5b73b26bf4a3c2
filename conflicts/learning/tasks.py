"""What django-q runs for learning: `train`, after every so many decisions and once a day."""

from __future__ import annotations

from django_q.models import Schedule
from django_q.tasks import schedule

from conflicts.learning import services

NAME = "learn from decisions"


def train() -> str:
    """Train and renew the suggestions; safe to run twice. What came of it, in words."""
    row = services.train()
    return "too few decisions" if row is None else f"learned from {row.decisions} decisions"


def ensure_schedule() -> None:
    """Have the daily training be there once."""
    if not Schedule.objects.filter(name=NAME).exists():
        schedule(services.TASK, name=NAME, schedule_type=Schedule.DAILY)
