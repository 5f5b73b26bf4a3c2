"""A process that does not outlive the one that started it: `python -m planning_sync.sync.management.child`.

    child FD MODULE ARGUMENT...     runs `python -m MODULE ARGUMENT...` in this process

FD is the reading end of a pipe whose other end only the parent holds. Nothing is ever written to it: it
ends when the parent does, however that came about (kill -9 included), and then this process and those that
it made end as well.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

GRACE_SECONDS = 3.0


def main() -> None:
    lifeline, module, *arguments = sys.argv[1:]
    _watch(int(lifeline))
    # Processes made by forking (those of the queue) have no thread of the process they were made from.
    os.register_at_fork(after_in_child=lambda: _watch(int(lifeline)))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _watch(lifeline: int) -> None:
    threading.Thread(target=_end_with, args=(lifeline,), name="lifeline", daemon=True).start()


def _end_with(lifeline: int) -> None:
    while os.read(lifeline, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
