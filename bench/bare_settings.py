"""The product's settings, with the addresses of `bench.bare` beside the product's own."""

from __future__ import annotations

from planning_sync.settings import *  # noqa: F403  # all of them, that is the point

ROOT_URLCONF = "bench.bare"
