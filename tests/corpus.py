"""Where the corpus of real plans is: `shared/corpus` beside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"


def corpus_root() -> Path | None:
    """The folder of the corpus; None where it is missing."""
    return CORPUS if CORPUS.is_dir() else None


def require_corpus() -> Path:
    """The folder of the corpus. Without it the test is skipped, and fails where `CI` is set."""
    root = corpus_root()
    if root is None:
        message = f"the corpus of real plans is not at {CORPUS}: put it there to run this test"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return root


def corpus_files() -> list[Path]:
    """Every Markdown file of the corpus, all versions of the histories included."""
    return sorted(require_corpus().glob("dev*/**/*.md"))
