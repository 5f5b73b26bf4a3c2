"""`told`: why something was refused, in the reader's language.

The errors themselves speak English, as logs, commands and programs read them. Whoever shows one to a person
asks here; packages above add theirs (`planning_sync.dashboard.refusals`).
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from conflicts import errors as conflicts
from conflicts.presentation.wording import field_name
from plans import errors as plans

Words = Mapping[type[Exception], Promise]

WORDS: Words = {
    plans.NotFound: _("It is not there any more."),
    plans.InvalidValue: _("%(field)s cannot be “%(given)s”: give %(expected)s."),
    plans.InvalidPlace: _("It cannot stand there: %(reason)s."),
    plans.OutOfDate: _("The plan changed meanwhile. Load it again and repeat the edit."),
    plans.ChangedMeanwhile: _("It changed since you looked. Repeat the edit if it still fits."),
    plans.NotRenderable: _("It is too large or too deep to be shown as a page. Look at its source instead."),
    plans.BrokenHistory: _(
        "What “%(title)s” said before that cannot be told: the log does not lead back to it. "
        "Restore single items from the bin."
    ),
    plans.BeyondHistory: _(
        "What “%(title)s” said by then cannot be told: the log does not reach back so far. "
        "Choose a later time."
    ),
    conflicts.ConflictNotFound: _("There is no such conflict any more."),
    conflicts.AlreadySettled: _("Someone was faster: it is settled already. Nothing was changed."),
    conflicts.ValuesMoved: _("The values changed while you looked. Nothing was decided; here they are now."),
    conflicts.PreviewOutdated: _(
        "The conflicts changed since the preview. Nothing was decided: look again, and confirm."
    ),
    conflicts.InvalidDecision: _("Nothing was changed: %(reason)s."),
    conflicts.NoSuchChoice: _("Nothing was changed: it is not settled in that way. Look at it by itself."),
    conflicts.PolicyExists: _("There is such a policy already: change that one."),
}
_OF_OURS = ("reason", "expected")
"""Data of errors that is a text of this code (`gettext_noop`) and no name of a plan, path or person."""


def told(error: Exception, words: Words = WORDS) -> str:
    """In its own words where there are none here."""
    template = words.get(type(error))
    if template is None:
        return str(error)
    data = {
        name: gettext(value) if name in _OF_OURS and value else value for name, value in vars(error).items()
    }
    if "field" in data:
        data["field"] = field_name(data["field"])
    return str(template) % data
