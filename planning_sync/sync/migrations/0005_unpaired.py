import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("plans", "0001_initial"),
        ("sync", "0004_availability"),
    ]

    operations = [
        migrations.CreateModel(
            name="Unpaired",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("path", models.TextField(verbose_name="path")),
                (
                    "score",
                    models.FloatField(
                        help_text="How much of the two is the same work, 0 to 1.", verbose_name="score"
                    ),
                ),
                (
                    "as_new",
                    models.BooleanField(
                        default=False,
                        help_text="A person said that it is another plan.",
                        verbose_name="taken as new",
                    ),
                ),
                ("found_at", models.DateTimeField(verbose_name="found at")),
                (
                    "plan",
                    models.ForeignKey(
                        help_text="The plan of the hub that it is most like.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="plans.plan",
                        verbose_name="plan",
                    ),
                ),
                (
                    "replica",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="unpaired",
                        to="sync.replica",
                        verbose_name="replica",
                    ),
                ),
            ],
            options={
                "verbose_name": "plan that waits to be paired",
                "verbose_name_plural": "plans that wait to be paired",
                "constraints": [
                    models.UniqueConstraint(fields=("replica", "path"), name="unpaired_path_once")
                ],
            },
        ),
    ]
