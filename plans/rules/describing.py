"""What is written of the rules: `page`, the documentation of all of them, and `schema`, the JSON Schema of
a file of rules. `python -m plans.rules` writes both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from types import MappingProxyType
from typing import Any

from plans.document.text import display
from plans.rules import expressions, reading, scoring
from plans.rules.model import Example, Level, Option, Rule, Severity
from plans.rules.registry import all_rules

_LEVELS: Mapping[Level, str] = MappingProxyType(
    {
        Level.SCHEMA: "The Markdown: can it be read as it is meant?",
        Level.CONSISTENCY: "Does the plan contradict itself, or the hub?",
        Level.BUSINESS: "Is it what the team agreed that plans are?",
        Level.PERFORMANCE: "Is it of a size that people and syncs can work with?",
    }
)
_HEAD = """\
# Rules for plans

What `planning-sync validate` looks for. [Validation](validation.md) says how to run it, tune it, and add
rules of your own. This page is made from the rules (`python -m plans.rules`); the tests run every example.

*Fix*: `safe` where the plan says the same afterwards, `unsafe` where it says something else, so that someone
should look.
"""


def page() -> str:
    """The page of all rules, in Markdown."""
    rules = list(all_rules().values())
    parts = [_HEAD, _table(rules)]
    for level, found in groupby(rules, key=lambda rule: rule.level):
        parts.append(f"## {level.capitalize()}\n\n{_LEVELS[level]}\n")
        parts.extend(_section(rule) for rule in found)
    return "\n".join(parts)


def _table(rules: list[Rule]) -> str:
    rows = (
        f"| [`{rule.id}`](#{rule.id}) | {rule.level} | {_severity(rule)} | {rule.name} | {rule.fix} |\n"
        for rule in rules
    )
    return "| rule | level | severity | finds | fix |\n|---|---|---|---|---|\n" + "".join(rows)


def _severity(rule: Rule) -> str:
    return str(rule.severity) if rule.enabled else f"{rule.severity}, off"


def _section(rule: Rule) -> str:
    return "\n".join(
        [
            f"### `{rule.id}`\n",
            f"*{rule.name[:1].upper()}{rule.name[1:]}.* {rule.explanation}\n",
            *_options(rule),
            f"Bad{_circumstances(rule.bad)}:\n\n{_example(rule.bad)}",
            f"Good{_circumstances(rule.good)}:\n\n{_example(rule.good)}",
        ]
    )


def _options(rule: Rule) -> Iterator[str]:
    if rule.options:
        rows = (
            f"| `{name}` | `{_written(option.default)}` | {option.explanation}{_choices(option)} |\n"
            for name, option in rule.options.items()
        )
        yield "| option | default | |\n|---|---|---|\n" + "".join(rows)


def _choices(option: Option) -> str:
    return f" Of {', '.join(f'`{word}`' for word in option.choices)}." if option.choices else ""


def _written(value: object) -> str:
    """The value as a file of rules has it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def _circumstances(example: Example) -> str:
    said = [f"`{name}: {_written(value)}`" for name, value in example.options.items()]
    said += [f"a file called `{example.name}`"] if example.name != "plan.md" else []
    said += [f"{name} is {value}" for name, value in vars(example.facts).items() if value not in (None, ())]
    return f" ({', '.join(said)})" if said else ""


def _example(example: Example) -> str:
    text = example.text.replace("\r", "␍").replace("\ufeff", "<BOM>").replace("\0", "<NUL>")
    end = "" if text.endswith("\n") else "<no line end>\n"
    return f"````markdown\n{display(text)}{end}````\n"


# ------------------------------------------------------------------------------------------- schema


_SEVERITY = {"$ref": "#/$defs/severity"}
_PLAIN = {"$ref": "#/$defs/plain"}


def schema() -> dict[str, Any]:
    """The JSON Schema of a file of rules."""
    rules = {"type": "object", "additionalProperties": False, "properties": _named()}
    own = {f"^{reading.OWN_ID}$": _PLAIN}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rules for plans of Planning Sync",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "version": {"const": 1, "description": "The version of this format."},
            "min_score": {"type": "number", "minimum": 0, "maximum": 100},
            "rules": {"$ref": "#/$defs/rules"},
            "folders": {
                "type": "object",
                "description": "Rules by glob, such as `archive/**`; later ones count for more.",
                "additionalProperties": {"$ref": "#/$defs/scoped"},
            },
            "own": {
                "type": "object",
                "propertyNames": {"pattern": f"^{reading.OWN_ID}$", "not": {"enum": list(all_rules())}},
                "additionalProperties": {"anyOf": [_expression(), _own()]},
            },
        },
        "$defs": {
            "rules": rules,
            "scoped": {**rules, "patternProperties": own},
            "plain": _tuning({}),
            **{rule.id: _tuning(rule.options) for rule in all_rules().values() if rule.options},
            "severity": {"enum": list(map(str, Severity))},
            "switch": {"enum": ["on", "off", True, False, *map(str, Severity)]},
        },
    }


def _named() -> dict[str, Any]:
    """Each rule by its id: what it can be tuned by is written down once."""
    return {
        rule.id: {"description": rule.name, **({"$ref": f"#/$defs/{rule.id}"} if rule.options else _PLAIN)}
        for rule in all_rules().values()
    }


def _tuning(options: Mapping[str, Option]) -> dict[str, Any]:
    properties = {
        name: {"description": option.explanation, **_value(option)} for name, option in options.items()
    }
    common = {"enabled": {"type": "boolean"}, "severity": _SEVERITY}
    table = {"type": "object", "additionalProperties": False, "properties": {**common, **properties}}
    return {"anyOf": [{"$ref": "#/$defs/switch"}, table]}


def _value(option: Option) -> dict[str, Any]:
    match option.default:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer", "minimum": 0}
        case float():
            return {"type": "number", "minimum": 0}
        case str():
            return {"type": "string"}
        case _:
            word = {"enum": list(option.choices)} if option.choices else {"type": "string"}
            return {"anyOf": [word, {"type": "array", "items": word}]}


def _expression() -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": expressions.LONGEST}


def _own() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["expression"],
        "properties": {
            "expression": _expression(),
            "each": {"enum": list(expressions.EACH)},
            "message": {"type": "string"},
            "severity": _SEVERITY,
            "level": {"enum": list(map(str, Level))},
        },
    }


def tables() -> dict[str, str]:
    """The tables of docs/validation.md that are made from the code, by the heading above each."""
    points = "".join(
        f"| {severity} | {scoring.POINTS[severity]:g} | {scoring.MOST[severity]:g} |\n"
        for severity in Severity
    )
    return {
        "Variables": _rows(expressions.VARIABLES),
        "Functions": _rows(expressions.FUNCTIONS),
        "The score": f"| severity | a finding costs | a rule costs at most |\n|---|---|---|\n{points}",
    }


def _rows(told: Mapping[str, str]) -> str:
    return "| | |\n|---|---|\n" + "".join(f"| `{name}` | {said} |\n" for name, said in told.items())
