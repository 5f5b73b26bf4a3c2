"""Mending plans: `apply` makes the fixes of findings, `fix_all` all that can be made; `Fixed`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from plans.document import text
from plans.document.model import DEFAULT_DIALECT, Dialect
from plans.rules.checking import check
from plans.rules.model import Facts, Finding, Fix, Splice, ValidationResult
from plans.rules.settings import DEFAULT_SETTINGS, Settings

_MOST_ROUNDS = 50
"""Each round settles at least one finding; more rounds would mean rules that contradict each other."""


class Fixed(NamedTuple):
    data: bytes
    applied: tuple[Finding, ...]
    """In the order in which they were mended; lines are those of their round."""
    result: ValidationResult
    """What the rules say of the mended plan."""


def apply(data: bytes, findings: Iterable[Finding], *, unsafe: bool = False) -> bytes:
    """The plan with the fixes of these findings, which must have been found in these very bytes.

    Of two fixes that concern the same line the first one is made. Every other line keeps its bytes.
    """
    return _spliced(data, [fix for _, fix in _chosen(findings, unsafe=unsafe)])


def fix_all(
    data: bytes,
    settings: Settings = DEFAULT_SETTINGS,
    *,
    name: str = "",
    facts: Facts | None = None,
    dialect: Dialect = DEFAULT_DIALECT,
    unsafe: bool = False,
) -> Fixed:
    """The plan with all that can be mended, in rounds: mending one thing may let another be seen."""
    applied: list[Finding] = []
    for _ in range(_MOST_ROUNDS):
        result = check(data, settings, name=name, facts=facts, dialect=dialect)
        chosen = list(_chosen(result.findings, unsafe=unsafe))
        mended = _spliced(data, [fix for _, fix in chosen])
        if mended == data:
            break
        data = mended
        applied += [finding for finding, _ in chosen]
    else:
        result = check(data, settings, name=name, facts=facts, dialect=dialect)
    return Fixed(data, tuple(applied), result)


def _chosen(findings: Iterable[Finding], *, unsafe: bool) -> Iterator[tuple[Finding, Fix]]:
    """The fixes that can be made together."""
    taken: set[int] = set()
    for finding in findings:
        fix = finding.fix
        if fix is None or not (fix.safe or unsafe):
            continue
        touched = {
            line for splice in fix.splices for line in range(splice.start, max(splice.end, splice.start + 1))
        }
        if taken.isdisjoint(touched):
            taken |= touched
            yield finding, fix


def _spliced(data: bytes, fixes: Iterable[Fix]) -> bytes:
    splices = sorted(splice for fix in fixes for splice in fix.splices)
    if not splices:
        return data
    encoding, whole = text.decode(data)
    lines = text.split_lines(whole)
    return text.encode("".join(_pieces(lines, splices)), encoding)


def _pieces(lines: list[str], splices: list[Splice]) -> Iterator[str]:
    done = 0
    for start, end, new in splices:
        yield from lines[done:start]
        yield from new
        done = end
    yield from lines[done:]
