"""Sample plans and what they are read as, side by side in `golden/`.

After an intended change, write the readings again and look at the difference:

    .venv/bin/python -m tests.plans.document.golden
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from plans.document import Document, Spot, parse
from plans.outline import FIELDS, ROOT, Item, value

FOLDER = Path(__file__).parent / "golden"


def samples() -> list[Path]:
    return sorted(FOLDER.glob("*.md"))


def outline_path(sample: Path) -> Path:
    return sample.with_suffix(".outline")


def describe(sample: Path) -> str:
    """The reading of a sample, one item per line."""
    document = parse(sample.read_bytes(), name=sample.name)
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    depths = {ROOT: 0}
    yield _line(document.outline.plan, document.title_spot, 0)
    for item, spot in zip(document.outline.items, document.spots, strict=True):
        depths[item.key] = depths[item.parent] + 1
        yield _line(item, spot, depths[item.key])
    for hidden in document.hidden:
        yield f"hidden {hidden.line + 1}: {hidden.status} | {hidden.ref} | {hidden.text} ({hidden.reason})"
    for finding in document.findings:
        yield f"finding {finding.line}: {finding.code}: {finding.message}"


def _line(item: Item, spot: Spot | None, depth: int) -> str:
    fields = "".join(
        f" {name}={','.join(found) if isinstance(found, tuple) else found}"
        for name in FIELDS[item.kind]
        if name != "text" and (found := value(item, name))
    )
    place = f"{spot.line + 1}-{spot.end}" if spot else "no line"
    return f"{'  ' * depth}{item.kind} [{place}] {item.text!r}{fields}"


def write() -> None:
    """Writes the readings of all samples."""
    for sample in samples():
        outline_path(sample).write_text(describe(sample), encoding="utf-8")


if __name__ == "__main__":
    write()
