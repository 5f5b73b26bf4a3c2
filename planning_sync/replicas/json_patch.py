"""What turns one JSON document into another, as a JSON Patch (RFC 6902): `patch`. Pure.

Elements of a list are known by their `id`, so that one that comes or goes leaves the others alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Operation = Mapping[str, Any]


def patch(before: Any, after: Any, path: str = "") -> Iterator[Operation]:
    """The operations, to be done in this order. `path`: where in the document the two stand."""
    if json.dumps(before) == json.dumps(after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _members(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _elements(before, after, path)
    else:
        yield {"op": "replace", "path": path, "value": after}


def _members(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[Operation]:
    for name in before.keys() - after.keys():
        yield {"op": "remove", "path": f"{path}/{_escaped(name)}"}
    for name, value in after.items():
        place = f"{path}/{_escaped(name)}"
        if name in before:
            yield from patch(before[name], value, place)
        else:
            yield {"op": "add", "path": place, "value": value}


def _elements(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[Operation]:
    old, new = [_name(each) for each in before], [_name(each) for each in after]
    known, wanted = dict(zip(old, before, strict=True)), set(new)
    staying = [name for name in new if name in known]
    if len(known) < len(old) or len(wanted) < len(new) or staying != [n for n in old if n in wanted]:
        yield {"op": "replace", "path": path, "value": after}
        return
    for index in reversed(range(len(old))):
        if old[index] not in wanted:
            yield {"op": "remove", "path": f"{path}/{index}"}
    for index, name in enumerate(new):
        if name in known:
            yield from patch(known[name], after[index], f"{path}/{index}")
        else:
            yield {"op": "add", "path": f"{path}/{index}", "value": after[index]}


def _name(element: Any) -> str:
    own = element.get("id") if isinstance(element, dict) else None
    return json.dumps(element if own is None else {"id": own}, sort_keys=True)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
