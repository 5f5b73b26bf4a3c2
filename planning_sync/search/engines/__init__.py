"""Where vectors are kept and looked up: `Engine`, `open_engine`. For the embedder alone."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from planning_sync.search.engines.base import Engine, Found, Neighbour, Point, Wanted

__all__ = ["Engine", "Found", "Neighbour", "Point", "Wanted", "open_engine"]


def open_engine() -> Engine:
    """The server that the settings name, else the engine in this process. Raises `IndexBusy`, `IndexAway`."""
    if settings.PLANNING_SYNC_QDRANT["url"]:
        from planning_sync.search.engines.server import ServerEngine

        return ServerEngine.connect(settings.PLANNING_SYNC_QDRANT)
    from planning_sync.search.engines.edge import EdgeEngine

    return EdgeEngine(Path(settings.PLANNING_SYNC_HOME) / "index")
