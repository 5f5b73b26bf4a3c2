"""`planning-sync lsp`: the rules in any editor that speaks the Language Server Protocol, over pipes.

Diagnostics when a plan is opened, changed or saved; quick fixes, one by one and all safe ones at once; and
what a rule is about when the pointer rests on what it found.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planning_sync.sync.management.failures import CommandFailed, Exit, UsageError
from planning_sync.sync.management.output import Output
from planning_sync.sync.management.validation import clock
from planning_sync.sync.management.validation.sources import RulesFiles, Source
from plans import rules
from plans.document import text
from plans.rules import Facts, Finding, Fix, InvalidRules, Severity

if TYPE_CHECKING:
    from lsprotocol import types
    from pygls.lsp.server import LanguageServer
    from pygls.workspace import TextDocument

HELP = "Serve the rules for plans to an editor, which starts this by itself."
SOURCE = "planning-sync"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rules", metavar="FILE", help="The file of rules; else the nearest above the plan.")


def run(options: Mapping[str, Any], output: Output) -> Exit:
    """Until the editor ends it."""
    try:
        server = make(options["rules"])
    except ImportError as error:
        raise CommandFailed(
            f"The editor server needs the package {error.name}: pip install 'planning-sync[lsp]'."
        ) from error
    # It closes its streams when it ends; the process needs its own a moment longer.
    with os.fdopen(os.dup(1), "wb") as stdout:
        server.start_io(stdout=stdout)
    return Exit.FINE


def make(named: str | None) -> LanguageServer:
    from lsprotocol import types
    from pygls.lsp.server import LanguageServer

    server = LanguageServer(SOURCE, version("planning-sync"))
    desk = _Desk(server, named)
    for event in (
        types.TEXT_DOCUMENT_DID_OPEN,
        types.TEXT_DOCUMENT_DID_CHANGE,
        types.TEXT_DOCUMENT_DID_SAVE,
    ):
        server.feature(event)(_plain(desk.publish))
    kinds = [types.CodeActionKind.QuickFix, types.CodeActionKind.SourceFixAll]
    server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=kinds))(
        _plain(desk.fixes)
    )
    server.feature(types.TEXT_DOCUMENT_HOVER)(_plain(desk.hover))
    return server


def _plain(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same as a function, on which the library can leave its marks."""

    def function(params: Any) -> Any:
        return method(params)

    return function


class _Desk:
    """What the editor has open. Whatever it asks about is looked at as it stands there, saved or not."""

    def __init__(self, server: LanguageServer, named: str | None) -> None:
        self.server = server
        self.named = named

    def publish(self, params: Any) -> None:
        from lsprotocol import types

        document = self._document(params.text_document.uri)
        try:
            found = [self._diagnostic(document, finding) for finding in self._findings(document)]
        except (InvalidRules, UsageError) as error:
            found = [_complaint(str(error))]
        self.server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri=document.uri, version=document.version, diagnostics=found)
        )

    def fixes(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """For the lines asked about; and all the safe ones of the file, where the editor asks for those."""
        document = self._document(params.text_document.uri)
        found = list(self._found(document))
        asked, only = params.range, params.context.only
        near = (
            finding
            for finding in found
            if finding.fix is not None
            and asked.start.line <= _last(finding)
            and _first(finding) <= asked.end.line
        )
        actions = [self._action(document, finding) for finding in near]
        data = _bytes(document)
        mended = rules.apply(data, found)
        if mended != data:
            actions.append(self._all(document, mended))
        return [action for action in actions if only is None or _is_wanted(action, only)]

    def hover(self, params: types.HoverParams) -> types.Hover | None:
        from lsprotocol import types

        line = params.position.line
        here = {
            finding.rule
            for finding in self._found(self._document(params.text_document.uri))
            if finding.line and _first(finding) <= line <= _last(finding)
        }
        known = rules.all_rules()
        told = [f"**{rule}**: {known[rule].explanation}" for rule in sorted(here & known.keys())]
        if not told:
            return None
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, "\n\n".join(told)))

    def _document(self, uri: str) -> TextDocument:
        return self.server.workspace.get_text_document(uri)

    def _found(self, document: TextDocument) -> Iterable[Finding]:
        """None where the file of rules cannot be read, which the diagnostics say."""
        try:
            return self._findings(document)
        except (InvalidRules, UsageError):
            return ()

    def _findings(self, document: TextDocument) -> tuple[Finding, ...]:
        source = Source.unsaved(document.path)
        file, path = RulesFiles(self.named).of(source)
        facts = Facts(today=clock.today())
        return rules.check(_bytes(document), file.settings(path), name=path, facts=facts).findings

    def _diagnostic(self, document: TextDocument, finding: Finding) -> types.Diagnostic:
        from lsprotocol import types

        return types.Diagnostic(
            range=self._range(document, finding),
            message=finding.message,
            severity=types.DiagnosticSeverity(_SEVERITY[finding.severity]),
            code=finding.rule,
            source=SOURCE,
        )

    def _range(self, document: TextDocument, finding: Finding) -> types.Range:
        from lsprotocol import types

        start = types.Position(_first(finding), max(finding.column - 1, 0))
        end = (
            types.Position(_last(finding), finding.end_column - 1)
            if finding.end_column
            else types.Position(_last(finding), len(_line(document, _last(finding))))
        )
        codec = self.server.workspace.position_codec
        return codec.range_to_client_units(document.lines, types.Range(start, end))

    def _action(self, document: TextDocument, finding: Finding) -> types.CodeAction:
        from lsprotocol import types

        assert finding.fix is not None, "only what has a fix is asked about"
        edits = list(_edits(finding.fix))
        return types.CodeAction(
            title=finding.fix.title
            if finding.fix.safe
            else f"{finding.fix.title} (changes what the plan says)",
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[self._diagnostic(document, finding)],
            is_preferred=finding.fix.safe,
            edit=types.WorkspaceEdit(changes={document.uri: edits}),
        )

    def _all(self, document: TextDocument, mended: bytes) -> types.CodeAction:
        from lsprotocol import types

        whole = types.Range(types.Position(0, 0), types.Position(len(document.lines) + 1, 0))
        edit = types.TextEdit(whole, text.decode(mended)[1])
        return types.CodeAction(
            title="Make every safe fix",
            kind=types.CodeActionKind.SourceFixAll,
            edit=types.WorkspaceEdit(changes={document.uri: [edit]}),
        )


def _is_wanted(action: types.CodeAction, only: Iterable[str]) -> bool:
    kind = str(getattr(action.kind, "value", action.kind))
    wanted = [str(getattr(each, "value", each)) for each in only]
    return any(kind == each or kind.startswith(f"{each}.") for each in wanted)


def _bytes(document: TextDocument) -> bytes:
    """As on disk where that is what the editor shows, so that encodings can be judged."""
    try:
        data = Path(document.path).read_bytes()
    except OSError:
        data = b""
    same = bool(data) and text.decode(data)[1] == document.source
    return data if same else document.source.encode("utf-8", "surrogatepass")


def _edits(fix: Fix) -> Iterator[types.TextEdit]:
    from lsprotocol import types

    for splice in fix.splices:
        place = types.Range(types.Position(splice.start, 0), types.Position(splice.end, 0))
        yield types.TextEdit(place, "".join(splice.lines))


def _complaint(message: str) -> types.Diagnostic:
    from lsprotocol import types

    place = types.Range(types.Position(0, 0), types.Position(0, 0))
    return types.Diagnostic(place, message, severity=types.DiagnosticSeverity.Error, source=SOURCE)


def _first(finding: Finding) -> int:
    return max(finding.line - 1, 0)


def _last(finding: Finding) -> int:
    return max(finding.end_line - 1, _first(finding))


def _line(document: TextDocument, number: int) -> str:
    return document.lines[number].rstrip("\r\n") if number < len(document.lines) else ""


_SEVERITY: Mapping[Severity, int] = {Severity.ERROR: 1, Severity.WARNING: 2, Severity.INFO: 3}
"""As the protocol numbers them."""
