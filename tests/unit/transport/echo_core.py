"""A tiny session core for transport tests: answers each V2GTP frame with the same frame."""

from __future__ import annotations

from collections import deque

from plugcharge.errors import PeerError
from plugcharge.wire.v2gtp import FrameReader, PayloadType, pack

__all__ = ["EchoCore", "QuestionCore"]

GOODBYE = b"bye"


class EchoCore:
    """The station: echoes frames; closes after ``bye``, a fault, or ``patience`` seconds of silence."""

    def __init__(self, now: float = 0.0, *, patience: float | None = None, close_delay: float = 0.0) -> None:
        self.closed = False
        self.close_delay = close_delay
        self.lost: list[float] = []
        self.faults: list[PeerError] = []
        self.received = 0
        self._reader = FrameReader()
        self._out: deque[bytes] = deque()
        self._patience = patience
        self._deadline = None if patience is None else now + patience

    def receive(self, now: float, data: bytes) -> None:
        self.received += len(data)
        self._reader.feed(data)
        try:
            while (frame := self._reader.next_frame()) is not None:
                self._out.append(pack(frame.payload_type, frame.payload))
                self._deadline = None if self._patience is None else now + self._patience
                if frame.payload == GOODBYE:
                    self.closed = True
        except PeerError as fault:
            self.faults.append(fault)
            self.closed = True

    def data_to_send(self) -> list[bytes]:
        items = list(self._out)
        self._out.clear()
        return items

    def say(self, payload: bytes) -> None:
        self._out.append(pack(PayloadType.EXI, payload))

    def next_deadline(self) -> float | None:
        return None if self.closed else self._deadline

    def timeout(self, now: float) -> None:
        if self._deadline is not None and now >= self._deadline:
            self.closed = True

    def connection_lost(self, now: float) -> None:
        self.lost.append(now)
        self.closed = True


class QuestionCore:
    """The car: asks one question after the other; closes after the last one unless told to stay."""

    def __init__(
        self, now: float, questions: list[bytes], *, patience: float = 1.5, stay: bool = False
    ) -> None:
        self.closed = False
        self.close_delay = 0.0
        self.answers: list[bytes] = []
        self.lost: list[float] = []
        self._questions = deque(questions)
        self._reader = FrameReader()
        self._out: deque[bytes] = deque()
        self._deadline = now + patience
        self._stay = stay
        self._ask()

    def ask(self, question: bytes) -> None:
        self._questions.append(question)
        self._ask()

    def _ask(self) -> None:
        if self._questions:
            self._out.append(pack(PayloadType.EXI, self._questions.popleft()))
        elif not self._stay:
            self.closed = True

    def receive(self, now: float, data: bytes) -> None:
        self._reader.feed(data)
        while (frame := self._reader.next_frame()) is not None:
            self.answers.append(frame.payload)
            self._ask()

    def data_to_send(self) -> list[bytes]:
        items = list(self._out)
        self._out.clear()
        return items

    def next_deadline(self) -> float | None:
        return None if self.closed else self._deadline

    def timeout(self, now: float) -> None:
        if now >= self._deadline:
            self.closed = True

    def connection_lost(self, now: float) -> None:
        self.lost.append(now)
        self.closed = True
