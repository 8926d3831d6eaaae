"""A process that forks writers to be killed: reads a database path from each line of its input.

For each line it forks a child that opens the database, recovers, and then records sessions for ever, writing
one line after each acknowledged commit. The parent says the child's process id first, and ``dead`` once the
child was reaped. Forking from a warm process is what makes hundreds of kills affordable.
"""

from __future__ import annotations

import os
import random
import sys
from datetime import UTC, datetime

from plugcharge.backend.instants import new_session_id
from plugcharge.backend.store import SessionStore
from tests.unit.backend.samples import after, closed, whole_session


def say(line: str) -> None:
    os.write(1, (line + "\n").encode())


def write_for_ever(path: str) -> None:
    chance = random.Random()
    with SessionStore.open(path) as store:
        for found in store.recover(after(99_999)):
            say(f"ack {found.session_id} closed")
        while True:
            session_id = new_session_id(datetime.now(UTC), os.urandom)
            for number, event in enumerate(whole_session(session_id)):
                acknowledged = store.append(event, key=None if number < 2 else f"event-{number}")
                say(f"ack {session_id} {acknowledged.key} {acknowledged.seq} {acknowledged.hash}")
            if chance.random() < 0.8:  # the others stay open, as if a car had just stayed
                store.close_session(closed(session_id))
                say(f"ack {session_id} closed")


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                write_for_ever(line.strip())
            finally:
                os._exit(9)
        say(f"pid {child}")
        _, status = os.waitpid(child, 0)
        say(f"dead {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
