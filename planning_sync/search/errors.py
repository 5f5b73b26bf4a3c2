"""What may go wrong with search. Nothing of it ever stops a sync.

SearchError
├── EmbedderAway       no process answers for vectors now; searching goes on with the full text
├── WrongDimension     vectors of another length than the collections have
├── WrongModel         vectors of another model than the collections'
├── IndexBusy          another process owns the folder of the embedded index
├── IndexAway          the index does not answer, or its folder is damaged
├── ModelMissing       the model, or a package that it needs, is not installed
├── StillComparing     groups of texts are not known yet
├── NotIndexed         an item that search knows nothing of
├── InvalidVector      one that has no direction, or numbers that are none
└── InvalidImport      a file of vectors that cannot be taken in
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID


class SearchError(Exception):
    """Base of this package's errors; the message is fit for a person."""


class EmbedderAway(SearchError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The embedder does not answer ({reason}). `planning-sync up` starts it.")
        self.reason = reason


class WrongDimension(SearchError):
    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"A vector has {found} numbers, the collections hold {expected}. Use their model.")
        self.expected = expected
        self.found = found


class WrongModel(SearchError):
    def __init__(self, expected: str, found: str) -> None:
        super().__init__(
            f"The vectors are of the model {found!r}, the collections of {expected!r}. Embed with that one, "
            "or set PLANNING_SYNC_SEARCH_MODEL and run `planning-sync reindex`."
        )
        self.expected = expected
        self.found = found


class IndexBusy(SearchError):
    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"Another process has the search index {folder} open. Only one embedder may run on one "
            "PLANNING_SYNC_HOME: stop the other one, or set QDRANT_URL to share a server."
        )
        self.folder = folder


class IndexAway(SearchError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The search index cannot be used ({reason}).")
        self.reason = reason


class ModelMissing(SearchError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"The model {name!r} cannot be loaded: {reason}")
        self.name = name


class StillComparing(SearchError):
    def __init__(self) -> None:
        super().__init__("All texts are being compared with all for the first time. Ask again in a moment.")


class NotIndexed(SearchError):
    def __init__(self, item_id: UUID) -> None:
        super().__init__(f"Search knows nothing of {item_id} yet: is it in the bin, or was it just made?")
        self.item_id = item_id


class InvalidVector(SearchError):
    def __init__(self) -> None:
        super().__init__("A vector has no direction: all its numbers are 0, or some are not finite.")


class InvalidImport(SearchError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The file of vectors cannot be imported: {reason}")
