from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conflicts", "0003_policies_and_learning")]

    operations = [
        migrations.RemoveIndex(model_name="conflict", name="conflict_queue"),
        migrations.AddIndex(
            model_name="conflict",
            index=models.Index(
                fields=["state", "severity", "opened_at", "id", "postponed_until"], name="conflict_queue"
            ),
        ),
    ]
