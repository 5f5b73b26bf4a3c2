"""Vectors of texts, made once in a text's life: `embed`, `vectors`. By model and checksum, in the database.

A worker claims texts before it embeds them, so that no two embed one. One that was killed has its claims
again when it is back; where it stays away, they go to the next who asks. Nothing is held while the model
works.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from socket import gethostname
from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, UUID, uuid5

import numpy as np
from django.conf import settings
from django.db import connection
from django.utils import timezone

from audit.transactions import write_transaction
from planning_sync.search.models import Embedding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from planning_sync.search.encoders import Encoder

CLAIM = timedelta(minutes=1)
"""No worker takes longer for as many texts as are embedded at once."""
AT_ONCE = 512


def vectors(model: str, checksums: Collection[str]) -> dict[str, NDArray[np.float32]]:
    """Those that are there, by the checksums of the texts."""
    found: dict[str, NDArray[np.float32]] = {}
    wanted = sorted(set(checksums))
    for start in range(0, len(wanted), 500):
        rows = Embedding.objects.filter(model=model, sha256__in=wanted[start : start + 500])
        for checksum, vector in rows.exclude(vector=None).values_list("sha256", "vector"):
            found[checksum] = np.frombuffer(bytes(vector or b""), dtype="<f4")
    return found


def embed(encoder: Encoder, texts: Mapping[str, str]) -> dict[str, NDArray[np.float32]]:
    """The vectors of the texts, which are by their checksums; without those that another worker is at."""
    found = vectors(encoder.name, texts)
    missing = [checksum for checksum in texts if checksum not in found]
    # Like lengths together, over all of them.
    missing.sort(key=lambda checksum: len(texts[checksum]))
    for start in range(0, len(missing), AT_ONCE):
        mine = _claim(encoder.name, missing[start : start + AT_ONCE])
        made = dict(zip(mine, encoder.encode([texts[checksum] for checksum in mine]), strict=True))
        keep(encoder.name, made, replaceable=True)
        found |= made
    return found


def keep(model: str, made: Mapping[str, NDArray[np.float32]], *, replaceable: bool = False) -> None:
    """Keep vectors by the checksums of their texts, over what is there; lightly if they can be made again."""
    rows = [
        Embedding(model=model, sha256=checksum, vector=vector.astype("<f4").tobytes())
        for checksum, vector in made.items()
    ]
    with write_transaction():
        if replaceable:
            _lightly()
        Embedding.objects.bulk_create(
            rows,
            batch_size=200,
            update_conflicts=True,
            unique_fields=["model", "sha256"],
            update_fields=["vector", "claim", "claimed_at"],
        )


def _claim(model: str, checksums: Collection[str]) -> list[str]:
    """Those that are now this worker's to embed."""
    claim, now = _worker(), timezone.now()
    fresh = [Embedding(model=model, sha256=each, claim=claim, claimed_at=now) for each in checksums]
    rows = Embedding.objects.filter(model=model, sha256__in=checksums, vector=None)
    with write_transaction():
        _lightly()
        Embedding.objects.bulk_create(fresh, batch_size=200, ignore_conflicts=True)
        rows.filter(claimed_at__lt=now - CLAIM).update(claim=claim, claimed_at=now)
    mine = set(rows.filter(claim=claim).values_list("sha256", flat=True))
    return [each for each in checksums if each in mine]


def _lightly() -> None:
    """The commit does not wait for the disk: what is lost with the power is embedded again."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO off")


def _worker() -> UUID:
    """The one embedder of this state folder on this machine."""
    return uuid5(NAMESPACE_OID, f"{gethostname()} {settings.PLANNING_SYNC_HOME}")
