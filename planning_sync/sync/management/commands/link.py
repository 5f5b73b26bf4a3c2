"""`planning-sync link PLAN`: a plan and its file that were unlinked follow each other again."""

from __future__ import annotations

from planning_sync.sync.management.commands import unlink


class Command(unlink.Command):
    help = "Have a plan and its file that were unlinked follow each other again; the next sync merges them."
    linked = True
