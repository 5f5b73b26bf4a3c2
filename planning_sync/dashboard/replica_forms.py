"""What the wizard asks for, `PlaceForm` and `OptionsForm`, and which places it suggests: `suggested`."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from planning_sync.dashboard import refusals
from planning_sync.replicas.errors import ReplicaError
from planning_sync.replicas.http_credentials import known_names
from planning_sync.sync import registry, sides
from planning_sync.sync.errors import InvalidOption, OutsideRoots, UnknownService
from planning_sync.sync.models import Replica
from planning_sync.sync.registry import Reach

SUGGESTED_MOST = 50


class PlaceForm(forms.Form):
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Replica.Kind.choices)
    path = forms.CharField(
        label=gettext_lazy("Place"),
        max_length=2000,
        help_text=gettext_lazy(
            "An absolute path of a folder or file of the server, or the address of a service."
        ),
        widget=forms.TextInput(attrs={"list": "suggested", "autocomplete": "off", "spellcheck": "false"}),
    )
    include = forms.CharField(
        label=gettext_lazy("Only these files"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy(
            "One pattern on each line, such as plans/**/*.md. Empty: every Markdown file."
        ),
    )
    exclude = forms.CharField(
        label=gettext_lazy("Leave out"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy(
            "One pattern on each line. Hidden folders, templates and archives are left out."
        ),
    )
    scheme = forms.ChoiceField(
        label=gettext_lazy("How a service knows us"),
        required=False,
        choices=[
            ("", gettext_lazy("it need not")),
            ("key", gettext_lazy("by an API key")),
            ("bearer", gettext_lazy("by a token")),
            ("jwt", gettext_lazy("by tokens made of a secret (JWT)")),
            ("hmac", gettext_lazy("by signatures made with a secret (HMAC)")),
        ],
    )
    secret = forms.ChoiceField(
        label=gettext_lazy("Its key, token or secret"),
        required=False,
        choices=lambda: [("", "—"), *((name, name.removeprefix("env:")) for name in known_names())],
        help_text=gettext_lazy(
            "The name of an environment variable of the server that begins with PLANNING_SYNC_REPLICA_."
        ),
    )
    more = forms.CharField(
        label=gettext_lazy("Further options"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=gettext_lazy("A JSON object, as the documentation of the kind says."),
    )

    row: Replica
    """What the form describes, once it is valid."""

    def clean_more(self) -> dict[str, Any]:
        try:
            found = json.loads(self.cleaned_data["more"] or "{}")
        except ValueError as error:
            raise ValidationError(_("This is no JSON: %(reason)s") % {"reason": error}) from error
        if not isinstance(found, dict):
            raise ValidationError(_('Give a JSON object, such as {"limit_bytes": 1000000}.'))
        return found

    def clean(self) -> None:
        if self.errors:
            return
        given = self.cleaned_data
        lists = {name: given[name].split() for name in ("include", "exclude") if given[name].split()}
        words = {name: given[name] for name in ("scheme", "secret") if given[name]}
        options = {**lists, **words, **given["more"]}
        try:
            self.row = registry.described_below(
                Reach.configured(), given["path"], kind=given["kind"], options=options
            )
            sides.connect(self.row).scan()
        except InvalidOption as error:
            self.add_error(
                "more" if error.name in given["more"] else _field(error.name), refusals.told(error)
            )
        except (OutsideRoots, UnknownService, ReplicaError) as error:
            self.add_error("path", refusals.told(error))
        else:
            self._refuse_known()

    def _refuse_known(self) -> None:
        known = Replica.objects.filter(path=self.row.path).first()
        if known is not None:
            told = _("This is the replica %(name)s already.") % {"name": known.name}
            self.add_error("path", told)


class OptionsForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("What it is called in lists; empty: as the folder."),
    )
    pairing = forms.ChoiceField(
        label=gettext_lazy("Plans that the hub may have already"),
        choices=[
            ("ask", gettext_lazy("wait until somebody says whether they are the same")),
            ("off", gettext_lazy("are imported as plans of their own")),
        ],
        initial="ask",
    )
    commit = forms.BooleanField(
        label=gettext_lazy("Commit to git what a sync writes"),
        required=False,
        help_text=gettext_lazy("Only where the folder is in a git work tree; nothing else is committed."),
    )


def suggested(reach: Reach) -> list[str]:
    """Places that may be added: the named ones, and folders right in them, less those added already."""
    known = set(Replica.objects.values_list("path", flat=True))
    found = [root for root in reach.folders if root.is_dir()]
    below = (each for root in found for each in sorted(root.iterdir()) if each.is_dir())
    folders = [*found, *(each for each in below if not each.name.startswith("."))]
    places = [*reach.services, *map(str, folders)]
    return list(islice((each for each in places if each not in known), SUGGESTED_MOST))


def _field(option: str) -> str:
    return option if option in PlaceForm.base_fields else "more"
