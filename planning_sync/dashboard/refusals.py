"""`told`: why something was refused, in the words of the reader; see `conflicts.presentation.refusals`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from conflicts.presentation import refusals
from planning_sync.replicas import errors as replicas
from planning_sync.sync import errors as sync
from planning_sync.validation.errors import NoFile

WORDS: refusals.Words = {
    **refusals.WORDS,
    sync.ReplicaExists: _("%(path)s is the replica %(name)s already."),
    sync.StillSwitchedOn: _("%(name)s takes part in syncs. Switch it off first, then remove it."),
    sync.LinkExists: _("The replica has this plan already, or had it, as %(path)s."),
    sync.OutsideRoots: _(
        "%(path)s lies in no folder where replicas may be added from afar. Whoever runs the server can name "
        "such folders (PLANNING_SYNC_REPLICA_ROOTS), or run `planning-sync add PATH` there."
    ),
    sync.UnknownService: _(
        "%(path)s is below no address of which replicas may be added from afar. Whoever runs the server can "
        "name such addresses (PLANNING_SYNC_REPLICA_SERVICES), or run `planning-sync add ADDRESS` there."
    ),
    sync.InvalidOption: _("The option %(name)s cannot be used: %(reason)s."),
    sync.Unsettled: _("%(path)s changed each time while it was being synced. The next pass will sync it."),
    sync.Busy: _("Somebody else is syncing %(path)s just now. The next pass will sync it."),
    sync.InvalidPairing: _("%(path)s was not linked: %(reason)s. Look at its pairs again."),
    sync.PairingStale: _(
        "%(path)s was not linked: it, or the plan of the hub, changed since its pairs were shown. "
        "Look at them again."
    ),
    sync.UnknownOperation: _("There is no such operation any more."),
    sync.NotRestorable: _("“%(named)s” was not restored: %(reason)s."),
    sync.NotMendable: _("“%(named)s” was not mended: %(reason)s."),
    sync.AlreadyUndone: _("It was undone already."),
    sync.NothingToUndo: _("It changed nothing that is still there to be taken back."),
    sync.PreviewStale: _("The plans changed since the preview. Look at it again."),
    replicas.ReplicaMissing: _("%(root)s cannot be used: it %(reason)s."),
    replicas.ServiceAway: _(
        "The service %(root)s does not answer as it should. It is tried again by and by."
    ),
    replicas.CredentialsMissing: _("The secret %(root)s is not set on the server."),
    replicas.OptionRefused: _("The option %(name)s cannot be used: %(reason)s."),
    replicas.PlanChanged: _(
        "%(path)s changed since it was read, so it was not written. The next sync merges."
    ),
    NoFile: _("The plan has no Markdown file that you may see, and the rules look at nothing else."),
}


def told(error: Exception) -> str:
    return refusals.told(error, WORDS)
