"""A real PostgreSQL server for the tests that want one: made in a temporary folder, reached through a socket there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_ACCOUNTS = ("postgres", "nobody")


def program(name: str) -> str | None:
    """The path of one of PostgreSQL's programs, of the newest version that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    return str(found[-1]) if found else shutil.which(name)


class Server:
    """A server that runs, and what leads to it."""

    def __init__(self, folder: Path, account: list[str]) -> None:
        self.folder = folder
        self._account = account  # in front of each command: PostgreSQL refuses to run as root
        self._data = folder / "data"
        self._run("initdb", "-D", str(self._data), "-A", "trust", "-U", "index", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-c listen_addresses='' -c fsync=off -k {folder}"
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", str(folder / "log"), "-o", options, "start")

    def _run(self, name: str, *args: str) -> None:
        path = program(name)
        assert path is not None
        # without what a sanitizer's run puts in front of every program: the server is not what it looks at
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("LD_PRELOAD", "ASAN_", "UBSAN_"))}
        subprocess.run([*self._account, path, *args], env=environment, check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60)

    @property
    def uri(self) -> str:
        """Of the database."""
        return f"postgresql://index@/postgres?host={self.folder}"

    def kill(self) -> None:
        """End the server and all its processes as a power failure would."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)
        until = time.monotonic() + 30
        while _lives(pid) and time.monotonic() < until:  # it ends its processes before it ends itself
            time.sleep(0.01)

    def restart(self) -> None:
        """Start it anew after `kill`."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", str(self.folder / "log"), "-m", "immediate", "restart")

    def stop(self) -> None:
        """End it."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"  # ended, and nobody has asked
    except OSError:
        return True


@contextmanager
def server() -> Iterator[Server]:
    """Run a server; skip the test where there is none (in CI that is a failure)."""
    reason = "" if program("initdb") and program("pg_ctl") else "no PostgreSQL is installed (Debian: postgresql)"
    account: list[str] = []
    if not reason and os.geteuid() == 0:
        runuser = shutil.which("runuser")
        names = [name for name in _ACCOUNTS if runuser and subprocess.run(["id", name], capture_output=True, check=False).returncode == 0]
        account = [str(runuser), "-u", names[0], "--"] if names else []
        reason = "" if account else "this is root, and no other account can run a server"
    if reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with tempfile.TemporaryDirectory(prefix="pg") as name:  # short: the path of a socket has 107 bytes
        folder = Path(name)
        if account:
            shutil.chown(folder, account[2])
        running = Server(folder, account)
        try:
            yield running
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                running.stop()
