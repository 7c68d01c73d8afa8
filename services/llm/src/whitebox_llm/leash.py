"""Runs a command that must not outlive its parent: `python -m whitebox_llm.leash GRACE_SECONDS COMMAND ...`.

The command gets a process group of its own. When standard input ends, which it does however the parent dies, or when
SIGTERM arrives, the whole group is asked to stop and, after the grace, killed. The exit code is the command's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress


def main() -> None:
    """Entry point."""
    grace_seconds, command = float(sys.argv[1]), sys.argv[2:]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - the operator's own command
    released = threading.Event()

    def release(*_: object) -> None:
        released.set()

    def watch_parent() -> None:
        while os.read(0, 4096):
            pass
        released.set()

    def watch_child() -> None:
        child.wait()
        released.set()

    signal.signal(signal.SIGTERM, release)
    signal.signal(signal.SIGINT, release)
    threading.Thread(target=watch_parent, daemon=True).start()
    threading.Thread(target=watch_child, daemon=True).start()
    released.wait()
    _stop_group(child, grace_seconds)
    # A negative code is a signal; a shell reports 128 + its number.
    code = child.returncode if child.returncode >= 0 else 128 - child.returncode
    sys.stdout.flush()
    os._exit(code)  # a thread still reads standard input


def _stop_group(child: subprocess.Popen[bytes], grace_seconds: float) -> None:
    # Workers may be left in the group when the command itself has ended.
    for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
            if number is signal.SIGTERM:
                continue
    child.wait()


if __name__ == "__main__":
    main()
