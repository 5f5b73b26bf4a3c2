"""Writes docs/rules.md and docs/validation-rules.schema.json."""

from __future__ import annotations

import json
from pathlib import Path

from plans.rules import describing

DOCS = Path(__file__).resolve().parents[2] / "docs"


def main() -> None:
    (DOCS / "rules.md").write_text(describing.page(), encoding="utf-8")
    (DOCS / "validation-rules.schema.json").write_text(
        json.dumps(describing.schema(), indent=2) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
