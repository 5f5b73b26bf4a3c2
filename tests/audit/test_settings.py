from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_project import start

WRONG = {
    "PLANNING_SYNC_TRUSTED_PROXIES": ("10.0.0.1/8", "write networks such as 10.0.0.0/8"),
    "PLANNING_SYNC_AUDIT_DAYS": ("-1", "write a whole number of 0 or more"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_stops_the_start_with_a_message(name: str, tmp_path: Path) -> None:
    value, advice = WRONG[name]
    done = start(
        "import manage, sys; sys.argv = ['planning-sync', 'check']; manage.main()", tmp_path, **{name: value}
    )
    assert done.returncode == 2
    assert name in done.stderr
    assert advice in done.stderr


def test_nothing_is_trusted_or_pruned_unless_it_is_set(tmp_path: Path) -> None:
    names = "s.PLANNING_SYNC_TRUSTED_PROXIES, s.PLANNING_SYNC_AUDIT_DAYS"
    assert start(f"from planning_sync import settings as s; print({names})", tmp_path).stdout == "[] 0\n"
