"""What a first start makes, and a later one finds: an administrator, a replica to begin with."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model

from planning_sync.sync import services
from planning_sync.sync.models import Replica

SAMPLES = Path("samples") / "plans"
"""The sample folder, below the folder of the sources."""


class Administrator(NamedTuple):
    username: str
    password: str


def make_administrator() -> Administrator | None:
    """The first administrator and the password, which is stored nowhere else; None where there is one."""
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None
    taken = set(users.values_list("username", flat=True))
    names = ["admin", *(f"admin-{number}" for number in range(2, len(taken) + 3))]
    username = next(name for name in names if name not in taken)
    password = secrets.token_urlsafe(12)
    users.create_superuser(username, password=password)
    return Administrator(username, password)


def replica_at(path: Path, *, actor: str) -> tuple[Replica, bool]:
    """The replica at the folder, made where there is none; and whether it was made."""
    path = path.expanduser().resolve()
    known = Replica.objects.filter(path=str(path)).first()
    if known is not None:
        return known, False
    return services.add_replica(path, actor=actor), True


def copy_samples() -> Path:
    """A folder of sample plans that may be edited freely; what is there already stays as it is."""
    folder = Path(settings.PLANNING_SYNC_HOME) / "sample-plans"
    if not folder.exists():
        shutil.copytree(Path(settings.BASE_DIR) / SAMPLES, folder)
    return folder
