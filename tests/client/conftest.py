from __future__ import annotations

from tests.api.conftest import _no_request_was_counted_yet, desk

__all__ = ["_no_request_was_counted_yet", "desk"]
