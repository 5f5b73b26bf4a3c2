"""Writes down who comes and goes, and what becomes of people and their rights: `connect`.

Follows Django's signals, so that the admin, the command line and the API are all heard.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.contrib.auth import get_user_model, signals
from django.contrib.auth.models import Group
from django.db import models
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.http import HttpRequest

from audit import context, services
from audit.models import Entry, Operation
from audit.services import Note

_WATCHED = ("username", "email", "is_active", "is_staff", "is_superuser")
_RIGHTS = ("is_active", "is_staff", "is_superuser")


def connect() -> None:
    user = get_user_model()
    signals.user_logged_in.connect(_logged_in, dispatch_uid="audit.logged_in")
    signals.user_logged_out.connect(_logged_out, dispatch_uid="audit.logged_out")
    signals.user_login_failed.connect(_refused, dispatch_uid="audit.refused")
    pre_save.connect(_remember, sender=user, dispatch_uid="audit.remember")
    for model in (user, Group):
        post_save.connect(_saved, sender=model, dispatch_uid=f"audit.saved.{model.__name__}")
        post_delete.connect(_deleted, sender=model, dispatch_uid=f"audit.deleted.{model.__name__}")
    for field in (*_many_to_many(user), *_many_to_many(Group)):
        uid = f"audit.rights.{field.model.__name__}.{field.name}"
        m2m_changed.connect(_Rights(field), sender=field.remote_field.through, weak=False, dispatch_uid=uid)


def _many_to_many(model: type[models.Model]) -> Iterator[Any]:
    yield from (
        field
        for field in model._meta.many_to_many
        if field.name in {"groups", "user_permissions", "permissions"}
    )


# ------------------------------------------------------------------------------ coming and going


def _logged_in(*, user: Any, **_: Any) -> None:
    services.note_access(Entry.Action.LOGGED_IN, actor=user.get_username())


def _logged_out(*, user: Any, **_: Any) -> None:
    if user is not None:
        services.note_access(Entry.Action.LOGGED_OUT, actor=user.get_username())


def _refused(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """A name that nobody has is not written down: people type their password there."""
    model = get_user_model()
    name = str(credentials.get(model.USERNAME_FIELD) or "")
    known = model._default_manager.filter(**{model.USERNAME_FIELD: name}).exists()
    services.note_access(Entry.Action.REFUSED, actor="anonymous", after={"user": name if known else None})


# ------------------------------------------------------------------------------ people and rights


def _remember(*, instance: Any, update_fields: Collection[str] | None = None, **_: Any) -> None:
    """What the row says now, for `_saved` to compare with."""
    instance._audit_before = None
    if instance._state.adding or (update_fields is not None and not {*_WATCHED} & {*update_fields}):
        return
    instance._audit_before = type(instance)._default_manager.filter(pk=instance.pk).values(*_WATCHED).first()


def _saved(*, instance: Any, created: bool, raw: bool = False, **_: Any) -> None:
    if raw:
        return
    if created:
        _record([Note(Entry.Action.CREATED, item_kind=_kind(instance), after=_told(instance))])
        return
    before = getattr(instance, "_audit_before", None) or {}
    changed = {name: old for name, old in before.items() if getattr(instance, name) != old}
    notes = [_changed(instance, name, old) for name, old in changed.items()]
    # Set while a person's new password is being saved; not where Django hashes the old one anew.
    if getattr(instance, "_password", None) is not None:
        notes.append(Note(Entry.Action.CHANGED, item_kind="user", field="password", after=_name_of(instance)))
    _record(notes)


def _changed(instance: Any, name: str, old: Any) -> Note:
    after = {**_name_of(instance), name: getattr(instance, name)}
    return Note(Entry.Action.CHANGED, item_kind="user", field=name, before={name: old}, after=after)


def _deleted(*, instance: Any, **_: Any) -> None:
    _record([Note(Entry.Action.DELETED, item_kind=_kind(instance), before=_told(instance))])


class _Rights:
    """Hears of one relation: a person's groups, a person's permissions, a group's permissions."""

    def __init__(self, field: Any) -> None:
        self._field = field

    def __call__(
        self, *, instance: Any, action: str, reverse: bool, model: Any, pk_set: set[Any] | None, **_: Any
    ) -> None:
        does = {"post_add": Entry.Action.GRANTED, "post_remove": Entry.Action.REVOKED}.get(action)
        if action == "pre_clear":
            does = Entry.Action.REVOKED
            name = self._field.remote_field.get_accessor_name() if reverse else self._field.name
            pk_set = set(getattr(instance, name).values_list("pk", flat=True))
        if does is None or not pk_set:
            return
        others = list(model._default_manager.filter(pk__in=pk_set))
        pairs = [(other, [instance]) for other in others] if reverse else [(instance, others)]
        _record([self._note(does, whose, what) for whose, what in pairs])

    def _note(self, does: str, whose: Any, what: list[Any]) -> Note:
        after = {**_name_of(whose), self._field.name: sorted(map(_named, what))}
        return Note(does, item_kind=_kind(whose), field=self._field.name, after=after)


def _record(notes: list[Note]) -> None:
    if notes:
        services.note_done(Operation.Kind.ADMIN, notes, actor=context.actor())


def _kind(instance: Any) -> str:
    return "group" if isinstance(instance, Group) else "user"


def _name_of(instance: Any) -> dict[str, str]:
    return {_kind(instance): _named(instance)}


def _named(instance: Any) -> str:
    """A permission as `app.action_model`."""
    if hasattr(instance, "codename"):
        return f"{instance.content_type.app_label}.{instance.codename}"
    return instance.name if isinstance(instance, Group) else instance.get_username()


def _told(instance: Any) -> dict[str, Any]:
    if isinstance(instance, Group):
        return _name_of(instance)
    return {**_name_of(instance), **{name: getattr(instance, name) for name in _RIGHTS}}
