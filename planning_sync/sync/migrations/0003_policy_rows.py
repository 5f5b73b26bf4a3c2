"""The options `owners` and `arbitration` of a replica become rows: its policy, with a rule per table."""

from django.db import migrations, models

RULE = ("field", "kind", "severity", "strategies", "min_kept")
OWNABLE_THEN = {
    *("text", "ref", "status", "progress", "priority", "assignee", "due", "tags", "estimate", "depends_on"),
    *("version", "date"),
}
STRATEGIES_THEN = {"auto_merge", "hub_wins", "replica_wins", "latest_wins", "manual"}


def to_rows(apps, schema_editor):
    """Options that make no sense are left: the next sync says so."""
    Policy = apps.get_model("conflicts", "Policy")
    for replica in apps.get_model("sync", "Replica").objects.all():
        owners = replica.options.get("owners") or {}
        said = replica.options.get("arbitration")
        if not isinstance(owners, dict) or not _is_readable(said) or not (owners or said is not None):
            continue
        # Where there was an option, the file was not read.
        policy = Policy.objects.create(replica_id=replica.pk, reads_file=said is None, owners=owners)
        for position, table in enumerate((said or {}).get("rule", []), 1):
            _make_rule(apps, policy, position, table)
        replica.options = {
            name: value for name, value in replica.options.items() if name not in ("owners", "arbitration")
        }
        replica.save(update_fields=["options"])


def _is_readable(said):
    if said is None:
        return True
    rules = said.get("rule", []) if isinstance(said, dict) and set(said) <= {"rule"} else None
    return isinstance(rules, list) and all(
        isinstance(table, dict) and set(table) <= set(RULE) and "strategies" in table for table in rules
    )


def _make_rule(apps, policy, position, table):
    apps.get_model("conflicts", "PolicyRule").objects.create(
        policy=policy,
        position=position,
        field_names=_listed(table.get("field", [])),
        kinds=_listed(table.get("kind", [])),
        severity=table.get("severity", "high"),
        strategies=_listed(table["strategies"]),
        min_kept=table.get("min_kept", 0.5),
    )


def _listed(given):
    return [given] if isinstance(given, str) else list(given)


def to_options(apps, schema_editor):
    """What the older version has no words for is left out: the general policy, watching, what is learned, and
    owners of places. A rule of which no strategy is left says manual."""
    Policy = apps.get_model("conflicts", "Policy")
    for replica in apps.get_model("sync", "Replica").objects.all():
        policy = Policy.objects.filter(replica_id=replica.pk, enabled=True).first()
        if policy is None:
            continue
        owners = {name: owner for name, owner in policy.owners.items() if name in OWNABLE_THEN}
        if owners:
            replica.options["owners"] = owners
        rules = [_table(rule) for rule in policy.rules.order_by("position", "id")]
        if rules or not policy.reads_file:
            replica.options["arbitration"] = {"rule": rules}
        replica.save(update_fields=["options"])
        policy.delete()


def _table(rule):
    strategies = [name for name in rule.strategies if name in STRATEGIES_THEN] or ["manual"]
    table = {"severity": rule.severity, "strategies": strategies, "min_kept": rule.min_kept}
    return table | {name: said for name, said in (("field", rule.field_names), ("kind", rule.kinds)) if said}


class Migration(migrations.Migration):
    dependencies = [
        ("conflicts", "0003_policies_and_learning"),
        ("sync", "0002_undo_and_arbitration"),
    ]

    operations = [
        migrations.AlterField(
            model_name="replica",
            name="options",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="include, exclude, limit_bytes, marks, ballots, broken_fences, commit: see the documentation.",
                verbose_name="options",
            ),
        ),
        migrations.RunPython(to_rows, to_options),
    ]
