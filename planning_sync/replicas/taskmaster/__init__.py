"""The tasks of a project that uses Task Master: each tag of its `tasks.json` is a plan.

Public: `TaskMasterFile`, `CommandedFile`, `TaskMasterService`, `KIND`.

    format.py        what a tag says, as records: ids, words for states, dependencies, our link
    numbering.py     which task goes by which number afterwards
    waiting.py       which task may wait for which
    dependencies.py  how that is written
    splicing.py      what a tag shall say, as new text of the same layout
    tag.py           one tag as a format of plans
    tasksfile.py     where in the file each tag stands, and the file with one of them replaced
    locking.py       the tool's own lock
    replica.py       the file as a replica
    orders.py        what of a write the tool itself has commands for
    tool.py          its command, run with care
    commanded.py     the file, with edits made by the command
    service.py       a service that keeps tags
    kind.py          how each of the three is found and connected
"""

from planning_sync.replicas.taskmaster.commanded import CommandedFile
from planning_sync.replicas.taskmaster.kind import KIND
from planning_sync.replicas.taskmaster.replica import TaskMasterFile
from planning_sync.replicas.taskmaster.service import TaskMasterService

__all__ = ["KIND", "CommandedFile", "TaskMasterFile", "TaskMasterService"]
