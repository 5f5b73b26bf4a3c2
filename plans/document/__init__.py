"""Plan files: from bytes to a `Document` (an outline, and where in the lines it stands) and back.

Public: `parse`, `render`, `rewrite`, `Rewrite`, `mend`; `Document`, `Dialect`, `DEFAULT_DIALECT`, `Spot`,
`Hidden`, `Finding`.
"""

from plans.document.encoding import mend
from plans.document.model import DEFAULT_DIALECT, Dialect, Document, Finding, Hidden, Spot
from plans.document.parse import parse, render
from plans.document.rewrite import Rewrite, rewrite

__all__ = [
    "DEFAULT_DIALECT",
    "Dialect",
    "Document",
    "Finding",
    "Hidden",
    "Rewrite",
    "Spot",
    "mend",
    "parse",
    "render",
    "rewrite",
]
