"""The tasks of a project that uses Task Master: each tag of its `tasks.json` is a plan.

Public: `TaskMasterFile`, `TaskMasterService`, `KIND`.

    format.py     what a tag says, as records: ids, words for states, dependencies, our link
    numbering.py  which task goes by which number afterwards
    splicing.py   what a tag shall say, as new text of the same layout
    tag.py        one tag as a format of plans
    tasksfile.py  where in the file each tag stands, and the file with one of them replaced
    locking.py    the tool's own lock
    replica.py    the file as a replica
    service.py    a service that keeps tags
"""

from planning_sync.replicas.taskmaster.replica import KIND, TaskMasterFile
from planning_sync.replicas.taskmaster.service import TaskMasterService

__all__ = ["KIND", "TaskMasterFile", "TaskMasterService"]
