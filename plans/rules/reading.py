"""Files of rules read: `read_rules`, `FILE_NAME`.

The file is YAML, of which `FIELDS` and the options of the rules are all that it may say. It is read as a tree
of nodes that know their places, so that each complaint has a line and a column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from plans.rules import expressions
from plans.rules.errors import InvalidRules
from plans.rules.model import Level, Option, Rule, Severity
from plans.rules.registry import all_rules
from plans.rules.settings import Layer, RulesFile, Tuning

if TYPE_CHECKING:
    from yaml.nodes import Node

FILE_NAME = "validation-rules.yaml"
LONGEST = 100_000
"""The most bytes that a file of rules may have."""
FIELDS = ("version", "min_score", "rules", "folders", "own")
OWN_FIELDS = ("expression", "each", "message", "severity", "level")
OWN_ID = "[a-z][a-z0-9-]{0,63}"

_EVERYWHERE = "**"
_ON, _OFF = ("on", "true", "yes"), ("off", "false", "no")
_SEVERITIES = tuple(map(str, Severity))


def read_rules(data: bytes, name: str = FILE_NAME) -> RulesFile:
    """What the bytes of a file of rules say; `name` is told in complaints. Raises `InvalidRules`."""
    reader = _Reader(name)
    return reader.file(reader.tree(data))


class _Reader:
    def __init__(self, name: str) -> None:
        self.name = name
        self.rules: dict[str, Rule] = dict(all_rules())
        """Those that can be tuned: the ones that ship, and for single folders the team's own as well."""

    def fail(self, node: Node, reason: str, advice: str) -> NoReturn:
        mark = node.start_mark
        raise InvalidRules(self.name, mark.line + 1, mark.column + 1, reason, advice)

    def tree(self, data: bytes) -> Node | None:
        """The nodes of the YAML; None where the file is empty."""
        import yaml

        if len(data) > LONGEST:
            raise InvalidRules(
                self.name, 1, 1, f"The file has {len(data):,} bytes", f"Have less than {LONGEST:,}."
            )
        try:
            return yaml.compose(data.decode("utf-8-sig"), yaml.SafeLoader)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise InvalidRules(self.name, line, 1, "This is not UTF-8", "Save the file as UTF-8.") from error
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            reason = f"This is not YAML: {error.problem or error.context}"
            raise InvalidRules(self.name, *place, reason, "Look at indents, colons and quotes.") from error
        except yaml.YAMLError as error:
            reason = f"This is not YAML: {str(error).splitlines()[0]}"
            raise InvalidRules(self.name, 1, 1, reason, "Remove what is no text.") from error
        except (RecursionError, ValueError) as error:
            raise InvalidRules(self.name, 1, 1, "This is not YAML of rules", "Nest less deeply.") from error

    # ------------------------------------------------------------------------------------- the file

    def file(self, root: Node | None) -> RulesFile:
        if root is None or (_kind(root) == "scalar" and not root.value):
            return RulesFile(self.name)
        entries = dict(self.entries(root, FIELDS))
        if "version" in entries and entries["version"].value != "1":
            self.fail(entries["version"], "This version of the format is not known", "Write `version: 1`.")
        layers = [Layer(_EVERYWHERE, self.tunings(entries["rules"]))] if "rules" in entries else []
        own = tuple(self.own(entries["own"])) if "own" in entries else ()
        self.rules |= {rule.id: rule for rule in own}
        if "folders" in entries:
            layers += [Layer(glob, self.tunings(node)) for glob, node in self.entries(entries["folders"])]
        score = entries.get("min_score")
        return RulesFile(self.name, tuple(layers), own, None if score is None else self.score(score))

    def score(self, node: Node) -> float:
        found = self.number(node)
        if found > 100:
            self.fail(node, f"{found:g} is no score", "Write a number from 0 to 100.")
        return found

    def entries(self, node: Node, known: Collection[str] = ()) -> Iterator[tuple[str, Node]]:
        """The entries of a mapping; with `known`, keys must be among them."""
        if _kind(node) != "mapping":
            self.fail(
                node, "A mapping is expected here", "Write `key: value` lines, indented below the key above."
            )
        seen: set[str] = set()
        for key, value in node.value:
            name = self.text(key)
            if known and name not in known:
                self.fail(key, f"There is no {name!r} here", f"Write one of {_listed(known, name)}.")
            if name in seen:
                self.fail(key, f"{name!r} is there twice", "Keep one of them.")
            seen.add(name)
            yield name, value

    # ------------------------------------------------------------------------------------- rules

    def tunings(self, node: Node) -> Mapping[str, Tuning]:
        return {name: self.tuning(self.rules[name], value) for name, value in self.entries(node, self.rules)}

    def tuning(self, rule: Rule, node: Node) -> Tuning:
        if _kind(node) == "scalar":
            said = str(node.value).lower()
            if said in _OFF:
                return Tuning(enabled=False)
            if said in _ON:
                return Tuning(enabled=True)
            return Tuning(True, Severity(self.choice(node, ("on", "off", *_SEVERITIES))))
        severity, options, enabled = None, {}, True
        for name, value in self.entries(node, ("enabled", "severity", *rule.options)):
            match name:
                case "severity":
                    severity = self.severity(value)
                case "enabled":
                    enabled = self.switch(value)
                case _:
                    options[name] = self.option(rule.options[name], value)
        return Tuning(enabled, severity, MappingProxyType(options))

    def option(self, option: Option, node: Node) -> Any:
        found = self.read[type(option.default)](self, node)
        for word in found if option.choices else ():
            if word not in option.choices:
                self.fail(
                    node, f"{word!r} is not among the choices", f"Choose from {', '.join(option.choices)}."
                )
        return found

    def own(self, node: Node) -> Iterator[Rule]:
        import re

        for name, value in self.entries(node):
            if re.fullmatch(OWN_ID, name) is None:
                self.fail(
                    value, f"{name!r} cannot be the id of a rule", "Use small letters, digits and dashes."
                )
            if name in self.rules:
                self.fail(
                    value, f"{name} is a rule that ships", "Choose another id, or tune it under `rules`."
                )
            yield self.own_rule(name, value)

    def own_rule(self, name: str, node: Node) -> Rule:
        entries = {"expression": node} if _kind(node) == "scalar" else dict(self.entries(node, OWN_FIELDS))
        if "expression" not in entries:
            self.fail(
                node,
                "The rule has no expression",
                "Write `expression: ...`, which is true where all is fine.",
            )
        expression = entries["expression"]
        severity = self.severity(entries["severity"]) if "severity" in entries else Severity.WARNING
        level = Level(self.choice(entries["level"], tuple(Level))) if "level" in entries else Level.BUSINESS
        each = self.choice(entries["each"], expressions.EACH) if "each" in entries else expressions.EACH[0]
        message = self.text(entries["message"]) if "message" in entries else ""
        try:
            return expressions.own_rule(name, level, severity, message, self.text(expression), each)
        except expressions.BadExpression as error:
            place = f" (column {error.column} of the expression)" if error.column else ""
            self.fail(expression, f"The expression cannot be used: {error}{place}", _ABOUT_EXPRESSIONS)

    # ------------------------------------------------------------------------------------- values

    def text(self, node: Node) -> str:
        if _kind(node) != "scalar":
            self.fail(
                node, "A text is expected here", "Write it on one line, in quotes where it has a colon."
            )
        return str(node.value)

    def texts(self, node: Node) -> tuple[str, ...]:
        if _kind(node) == "sequence":
            return tuple(self.text(each) for each in node.value)
        return (self.text(node),)

    def choice(self, node: Node, known: Collection[str]) -> str:
        said = self.text(node)
        if said not in known:
            self.fail(node, f"{said!r} is not known here", f"Write one of {', '.join(known)}.")
        return said

    def severity(self, node: Node) -> Severity:
        return Severity(self.choice(node, _SEVERITIES))

    def switch(self, node: Node) -> bool:
        said = self.text(node).lower()
        if said not in (*_ON, *_OFF):
            self.fail(node, f"{said!r} is not on or off", "Write `true` or `false`.")
        return said in _ON

    def number(self, node: Node) -> float:
        said = self.text(node)
        try:
            found = float(said)
        except ValueError:
            found = math.nan
        if not 0 <= found < math.inf:
            self.fail(node, f"{said!r} is not a number", "Write a number of 0 or more.")
        return found

    def whole(self, node: Node) -> int:
        found = self.number(node)
        if found != int(found):
            self.fail(node, f"{node.value!r} is not a whole number", "Write a whole number of 0 or more.")
        return int(found)

    read: Mapping[type, Callable[[_Reader, Node], Any]] = MappingProxyType(
        {bool: switch, int: whole, float: number, str: text, tuple: texts}
    )


_ABOUT_EXPRESSIONS = "docs/validation.md lists the variables and functions."


def _listed(known: Collection[str], wrong: str) -> str:
    """The names nearest to the wrong one where they are many."""
    if len(known) <= 8:
        return ", ".join(known)
    import difflib

    near = difflib.get_close_matches(wrong, known, 3, 0.5)
    return ", ".join(near) if near else "the ids in docs/rules.md"


def _kind(node: Node) -> str:
    """`scalar`, `sequence` or `mapping`."""
    found: str = node.id  # type: ignore[attr-defined]  # the stubs leave it out
    return found
