"""The team's own rules: expressions of the Common Expression Language (CEL), which cannot run code.

Public: `compiled`, `own_rule`, `EACH`, `VARIABLES`, `FUNCTIONS`, `BadExpression`. The library is loaded when
there is an expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from plans.document.parse import parse
from plans.outline import Item
from plans.rules.dependencies import Dependencies
from plans.rules.model import Found, Level, Options, Rule, Severity
from plans.rules.subject import Subject

if TYPE_CHECKING:
    import cel

EACH = ("plan", "phase", "task")
"""What an expression is asked of."""
LONGEST = 1000
MOST_STEPS = 2_000_000
"""How often the innermost part of an expression may be looked at in one plan."""

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "plan": "`title`, `path`, `version`, `date`, `status`, `declared` (a progress, or null), "
        "`computed`, `phases`, `tasks`, `done`, `lines`, `bytes`, `depth`",
        "phases": "a list of all phases: `ref`, `text`, `status`, `level`, `declared`, `computed`, `tasks`, "
        "`done`, `line`",
        "tasks": "a list of all tasks: `ref`, `text`, `status`, `priority`, `assignee`, `due`, `tags`, "
        "`estimate`, `depends_on`, `depth`, `parts` (tasks right below it), `phase`, `line`",
        "phase": "with `each: phase`: one of `phases`",
        "task": "with `each: task`: one of `tasks`",
        "plan_progress": "the progress that the plan declares, else the computed one",
        "phase_progress": "with `each: phase`: the same of the phase; else a list of it for each phase of "
        "the first rank that has tasks or declares a progress",
        "no_circular_dependencies": "whether no task waits for itself, by whatever way",
    }
)
FUNCTIONS: Mapping[str, str] = MappingProxyType(
    {
        "avg(numbers)": "the average, two decimals; 0 of none",
        "sum(numbers)": "the sum; 0 of none",
        "days(from, to)": "the days from one date `YYYY-MM-DD` to another",
    }
)

_WORD = re.compile(r"[A-Za-z_]\w*")
_STRING = re.compile(r"""[rR]?(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')""")
_LOOPS = frozenset(
    ("all", "exists", "exists_one", "filter", "map", "existsOne", "sortBy", "transformList", "transformMap")
)
_TOKEN = re.compile(r"(?P<word>[A-Za-z_]\w*)\s*\(|(?P<open>[(])|(?P<close>[)])")
_PLACE = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?(.*)")
_SAMPLE = b"# Plan\n\n## A\n\n- [x] **1.1** Sand\n  - [x] **1.1.1** Edges #depends:1.1\n"


class BadExpression(Exception):
    """The expression cannot be used; `column` is 1-based, 0 where it is not known."""

    def __init__(self, reason: str, column: int = 0) -> None:
        super().__init__(reason)
        self.column = column


class _Scope(NamedTuple):
    """What the expression is asked of."""

    subject: Subject
    position: int
    """-1 for the plan."""


# ------------------------------------------------------------------------------------------- variables


def _declared(item: Item) -> float | None:
    return float(item.progress) if item.progress else None


def _progress(scope: _Scope) -> float:
    item = scope.subject.plan if scope.position < 0 else scope.subject.items[scope.position]
    declared = _declared(item)
    return round(scope.subject.tally.percent(scope.position), 2) if declared is None else declared


def _plan(scope: _Scope) -> Mapping[str, Any]:
    subject, plan = scope.subject, scope.subject.plan
    return {
        "title": plan.text,
        "path": subject.name,
        "version": plan.version,
        "date": plan.date,
        "status": plan.status,
        "declared": _declared(plan),
        "computed": subject.tally.percent(-1),
        "phases": len(subject.phases),
        "tasks": len(subject.tasks),
        "done": subject.tally.done[-1],
        "lines": len(subject.lines),
        "bytes": len(subject.document.data),
        "depth": max(subject.depths),
    }


def _phase(scope: _Scope) -> Mapping[str, Any]:
    subject, position = scope
    item, spot, tally = subject.items[position], subject.spots[position], subject.tally
    return {
        "ref": item.ref,
        "text": item.text,
        "status": item.status,
        "level": spot.level,
        "line": spot.line + 1,
        "declared": _declared(item),
        "computed": round(tally.percent(position), 2),
        "tasks": tally.total[position],
        "done": tally.done[position],
    }


def _task(scope: _Scope) -> Mapping[str, Any]:
    subject, position = scope
    item, section = subject.items[position], subject.sections[position]
    return {
        "ref": item.ref,
        "text": item.text,
        "status": item.status,
        "priority": item.priority,
        "assignee": item.assignee,
        "due": item.due,
        "tags": list(item.tags),
        "estimate": item.estimate,
        "depends_on": list(item.depends_on),
        "depth": subject.depths[position],
        "parts": len(subject.children[position]),
        "line": subject.spots[position].text_line + 1,
        "phase": subject.items[section].text if section >= 0 else "",
    }


def _phase_progress(scope: _Scope) -> float | list[float]:
    subject = scope.subject
    if scope.position >= 0:
        return _progress(scope)
    first = [position for position in subject.phases if subject.parents[position] < 0]
    telling = [
        position for position in first if subject.tally.total[position] or subject.items[position].progress
    ]
    return [_progress(_Scope(subject, position)) for position in telling]


_VALUES: Mapping[str, Callable[[_Scope], Any]] = MappingProxyType(
    {
        "plan": _plan,
        "phases": lambda scope: [
            _phase(_Scope(scope.subject, position)) for position in scope.subject.phases
        ],
        "tasks": lambda scope: [_task(_Scope(scope.subject, position)) for position in scope.subject.tasks],
        "plan_progress": lambda scope: _progress(_Scope(scope.subject, -1)),
        "phase_progress": _phase_progress,
        "no_circular_dependencies": lambda scope: not scope.subject.shared(Dependencies).cycles,
    }
)
_OF_ONE: Mapping[str, Callable[[_Scope], Any]] = MappingProxyType({"phase": _phase, "task": _task})
_CHANGING = frozenset(("phase", "task", "phase_progress"))
"""The variables that are others for each phase or task."""


def _average(numbers: Sequence[float]) -> float:
    return round(sum(numbers) / len(numbers), 2) if numbers else 0.0


def _days(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


_CALLED: Mapping[str, Callable[..., Any]] = MappingProxyType({"avg": _average, "sum": sum, "days": _days})


# ------------------------------------------------------------------------------------------- rules


class Expression(NamedTuple):
    text: str
    each: str
    nesting: int
    """How many loops stand inside one another."""
    words: frozenset[str]
    program: cel.Program


@lru_cache(maxsize=256)
def compiled(text: str, each: str) -> Expression:
    """The expression, which was tried on a plan. Raises `BadExpression`."""
    if len(text) > LONGEST:
        raise BadExpression(f"It has {len(text):,} characters, and {LONGEST:,} are allowed")
    import cel

    try:
        program = cel.compile(text)
    except ValueError as error:
        raise _not_an_expression(str(error)) from error
    plain = _STRING.sub('""', text)
    expression = Expression(text, each, _nesting(plain), frozenset(_WORD.findall(plain)), program)
    _try(expression)
    return expression


def _not_an_expression(said: str) -> BadExpression:
    found = _PLACE.search(said)
    if found is None:
        return BadExpression(said.partition("\n")[0])
    return BadExpression(found[3].partition(" expecting ")[0], int(found[2]))


def _try(expression: Expression) -> None:
    subject = Subject(parse(_SAMPLE))
    try:
        for _, said in _answers(expression, subject):
            if not isinstance(said, bool):
                raise BadExpression(f"It gives {type(said).__name__}, and must give true or false")
    except RuntimeError as error:
        if "Undefined" in str(error):
            raise BadExpression(_unknown(expression, str(error))) from error
    except TypeError as error:
        raise BadExpression(_mistyped(expression, str(error))) from error
    except (ArithmeticError, LookupError, ValueError):
        return  # on another plan it may well be fine


def _unknown(expression: Expression, said: str) -> str:
    found = re.search(r"'([^']*)'", said)
    name = found[1] if found else "a name"
    if name in _OF_ONE:
        return f"{name} is there with `each: {name}` alone, and this is `each: {expression.each}`"
    return f"There is no {name}"


def _mistyped(expression: Expression, said: str) -> str:
    reason = said.partition(" CEL")[0].rstrip(".")
    if "phase_progress" in expression.words and expression.each == "plan":
        return f"{reason}. Of a plan, phase_progress is a list: write `each: phase`, or avg(phase_progress)"
    return reason


def own_rule(rule_id: str, level: Level, severity: Severity, message: str, text: str, each: str) -> Rule:
    """A rule that finds something where the expression is not true. Raises `BadExpression`."""
    expression = compiled(text, each)
    check = partial(_check, expression, message or f"Not so: {text}")
    return Rule(rule_id, level, severity, message or text, f"`{text}`", check, whole=each == "plan")


def _check(expression: Expression, message: str, subject: Subject, options: Options) -> Iterator[Found]:
    steps = _steps(expression, subject)
    if steps > MOST_STEPS:
        yield Found(
            f"This rule would take about {steps:,} steps in this plan, and was not tried: {expression.text}"
        )
        return
    answers = _answers(expression, subject)
    while True:
        try:
            position, said = next(answers)
        except StopIteration:
            return
        except (RuntimeError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            yield Found(f"This rule cannot be tried ({str(error).partition(' CEL')[0]}): {expression.text}")
            return
        if said is not True:
            yield Found(message) if position < 0 else subject.at(position, message)


def _answers(expression: Expression, subject: Subject) -> Iterator[tuple[int, Any]]:
    import cel

    context = cel.Context()
    for name, function in _CALLED.items():
        context.add_function(name, function)
    per_item = {"plan": [-1], "phase": subject.phases, "task": subject.tasks}[expression.each]
    values = {**_VALUES, expression.each: _OF_ONE.get(expression.each, _plan)}
    used = [name for name in values if name in expression.words]
    for name in used:
        if name not in _CHANGING:
            context.add_variable(name, values[name](_Scope(subject, -1)))
    for position in per_item:
        for name in _CHANGING.intersection(used):
            context.add_variable(name, values[name](_Scope(subject, position)))
        yield position, expression.program.execute(context)


def _steps(expression: Expression, subject: Subject) -> int:
    longest = max(len(subject.tasks), len(subject.phases), LONGEST // 2)
    once = {"plan": 1, "phase": len(subject.phases), "task": len(subject.tasks)}[expression.each]
    return int(once * longest**expression.nesting)


def _nesting(text: str) -> int:
    """How many loops stand inside one another."""
    open_calls: list[bool] = []
    most = 0
    for token in _TOKEN.finditer(text):
        if token["close"]:
            if open_calls:
                open_calls.pop()
        else:
            open_calls.append(token["word"] in _LOOPS)
            most = max(most, sum(open_calls))
    return most
