"""Forms of conflict policies for the admin: `PolicyForm`, `RuleForm`, `RuleFormSet`.

What is filled in is read by `conflicts.policy` as the file is; what is wrong is told at its field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from conflicts import policy as policies
from conflicts import replicas
from conflicts.errors import InvalidPolicy
from conflicts.merge.model import CLASSES
from conflicts.models import Conflict, Policy, PolicyRule
from conflicts.strategies import STRATEGIES
from conflicts.strategies.owner_wins import OwnerWins
from conflicts.watch import PROOFS

OWNERS = (("", _("not said")), ("both", _("both sides")), ("hub", _("the hub")), ("replica", _("the file")))
BY_RULE = tuple(name for name in STRATEGIES if name != OwnerWins.name)
MOST_STRATEGIES = 4


class InOrderWidget(forms.MultiWidget):
    """One list of choices for each place."""

    def __init__(self, choices: Sequence[tuple[str, Any]]) -> None:
        super().__init__([forms.Select(choices=choices) for _place in range(MOST_STRATEGIES)])

    def decompress(self, value: list[str] | None) -> list[str]:
        return [*(value or []), *[""] * MOST_STRATEGIES][:MOST_STRATEGIES]


class InOrderField(forms.MultiValueField):
    """Strategies in the order in which they are tried; empty places count for nothing."""

    def __init__(self, **options: Any) -> None:
        choices = [("", "---"), *((name, name) for name in BY_RULE)]
        places = [forms.ChoiceField(choices=choices, required=False) for _place in range(MOST_STRATEGIES)]
        super().__init__(places, widget=InOrderWidget(choices), require_all_fields=False, **options)

    def compress(self, data_list: list[str]) -> list[str]:
        return list(dict.fromkeys(filter(None, data_list)))


class RuleForm(forms.ModelForm[PolicyRule]):
    """One rule; what it says is read as the file is."""

    position = forms.IntegerField(
        label=capfirst(_("position")),
        min_value=0,
        required=False,
        help_text=_("Lower ones are tried first; empty: the last one."),
    )
    field_names = forms.MultipleChoiceField(
        label=capfirst(_("fields")),
        choices=[(name, name) for name in CLASSES],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None: every field."),
    )
    kinds = forms.MultipleChoiceField(
        label=capfirst(_("kinds")),
        choices=Conflict.Kind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None: every kind."),
    )
    strategies = InOrderField(
        label=capfirst(_("strategies")), help_text=_("Tried in this order; what they leave, a person gets.")
    )

    class Meta:
        model = PolicyRule
        fields = (
            *("position", "note", "field_names", "kinds", "severity", "strategies", "min_kept", "confidence"),
        )

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        if not self.errors:
            _refuse_invalid(self, {"rule": [_table(said)]}, {"field": "field_names", "kind": "kinds"})
        return said


class RuleFormSet(forms.BaseInlineFormSet[PolicyRule, Policy, forms.ModelForm[PolicyRule]]):
    """Rules without a position come last."""

    def clean(self) -> None:
        super().clean()
        kept = [form for form in self.forms if form not in self.deleted_forms and form.has_changed()]
        said = [form.cleaned_data.get("position") for form in self.forms if hasattr(form, "cleaned_data")]
        last = max((position for position in said if position is not None), default=0)
        for form in kept:
            if hasattr(form, "cleaned_data") and form.cleaned_data.get("position") is None:
                last += 1
                form.instance.position = form.cleaned_data["position"] = last


def _uuid(given: str | UUID) -> UUID:
    return UUID(str(given))


class _PolicyForm(forms.ModelForm[Policy]):
    """A policy; owners and what is watched for are fields of their own, and JSON in the row."""

    replica_id = forms.TypedChoiceField(
        label=capfirst(_("replica")), coerce=_uuid, empty_value=None, required=False, choices=()
    )
    open_tasks_removed = forms.IntegerField(
        label=capfirst(_("open tasks removed")),
        min_value=0,
        required=False,
        help_text=_("More open tasks than this, removed by one edit of the file, wait for a person."),
    )
    evidence = forms.MultipleChoiceField(
        label=capfirst(_("evidence")),
        choices=[(name, name) for name in PROOFS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("A box ticked in the file needs one of these in the task's line or below it."),
    )
    declared_progress = forms.FloatField(
        label=capfirst(_("declared progress")),
        min_value=0,
        max_value=100,
        required=False,
        widget=AdminTextInputWidget,
        help_text=_("Points by which a declared progress may differ from the computed one."),
    )

    class Meta:
        model = Policy
        fields = ("replica_id", "enabled", "reads_file")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        policy = self.instance
        known = {str(pk): name for pk, name in replicas.names().items()}
        if policy.replica_id is not None:
            known.setdefault(str(policy.replica_id), str(policy.replica_id))
        choice = self.fields["replica_id"]
        assert isinstance(choice, forms.TypedChoiceField)
        choice.choices = [("", _("Every replica (the general policy)")), *known.items()]
        for name, value in policy.watch.items():
            self.initial.setdefault(name, value)
        for name, owner in policy.owners.items():
            self.initial.setdefault(f"owner_{name}", owner)

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        if not self.errors:
            owners = {name: said[f"owner_{name}"] for name in CLASSES if said[f"owner_{name}"]}
            watch = {name: said[name] for name in WATCHED if said[name] not in (None, [])}
            named = {name: f"owner_{name}" for name in CLASSES}
            _refuse_invalid(self, {"owners": owners, "watch": watch}, named)
            self.instance.owners, self.instance.watch = owners, watch
        return said


WATCHED = ("open_tasks_removed", "evidence", "declared_progress")
OWNED = {f"owner_{name}": forms.ChoiceField(label=name, choices=OWNERS, required=False) for name in CLASSES}

PolicyForm: type[forms.ModelForm[Policy]] = type("PolicyForm", (_PolicyForm,), dict(OWNED))
"""With a choice of the owner for each field of a clash."""


def _table(said: Mapping[str, Any]) -> dict[str, Any]:
    """The rule as the file would say it."""
    return PolicyRule(
        **{
            name: said[name]
            for name in ("field_names", "kinds", "severity", "strategies", "min_kept", "confidence")
        }
    ).as_mapping()


def _refuse_invalid(form: forms.ModelForm[Any], content: Mapping[str, Any], named: Mapping[str, str]) -> None:
    """Put what is wrong with `content` at its field of the form; `named` gives those with another name."""
    try:
        policies.from_mapping(content, "")
    except InvalidPolicy as error:
        key = error.where.rpartition(", ")[2]
        name = named.get(key, key)
        form.add_error(name if name in form.fields else None, ValidationError(error.reason))
