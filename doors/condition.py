"""How a process is, part by part: looked at when asked, never twice at once, never waited for long.

A part that hangs is itself what is told: nobody who asks hangs with it.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as LookTimeoutError
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

KEEP = 1.0
PATIENCE = 1.0


class Weight(StrEnum):
    """Whether the process is ready without the part, or the part is only shown."""

    NEEDED = "needed"
    SHOWN = "shown"


@dataclass(frozen=True, slots=True)
class Finding:
    """How one part is, in words, and its figures. Never personal data, never an address."""

    ok: bool
    zh: str
    en: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """One part: what it is called, whether it is needed, and how to look at it."""

    name: str
    weight: Weight
    look: Callable[[], Finding]


@dataclass(slots=True)
class Stopping:
    """Whether the process was told to stop."""

    told: bool = False


class Watch:
    """The parts of one process."""

    def __init__(
        self, parts: Sequence[Part], stopping: Stopping, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.parts, self._stopping, self._clock = tuple(parts), stopping, clock
        self._pool = ThreadPoolExecutor(max(1, len(self.parts)), "look")
        self._lock = threading.Lock()
        self._looks: dict[str, tuple[float, Future[Finding]]] = {}

    def findings(self) -> dict[str, Finding]:
        """Every part, as it was at most a second ago, or that it does not answer."""
        looks = [(part, *self._look(part)) for part in self.parts]
        end = self._clock() + PATIENCE
        return {part.name: self._wait(began, look, end) for part, began, look in looks}

    def _look(self, part: Part) -> tuple[float, Future[Finding]]:
        with self._lock:
            began, look = self._looks.get(part.name, (0.0, None))
            if look is None or (look.done() and self._clock() - began > KEEP):
                began, look = self._clock(), self._pool.submit(part.look)
                self._looks[part.name] = began, look
            return began, look

    def _wait(self, began: float, look: Future[Finding], end: float) -> Finding:
        try:
            return look.result(max(0.0, end - self._clock()))
        except LookTimeoutError:
            silent = round(self._clock() - began, 1)
            return Finding(False, f"{silent}秒未应答", f"no answer for {silent} seconds")
        except Exception as error:  # the edge of a look: a surprise is a finding, and the name of it is told
            return Finding(False, "检查失败", f"looking failed: {type(error).__name__}")

    def told(self) -> dict[str, Any]:
        """The condition as JSON; `status` is ready, not_ready or stopping."""
        found = self.findings()
        parts = [
            {
                "name": part.name,
                "needed": part.weight is Weight.NEEDED,
                "ok": found[part.name].ok,
                "zh": found[part.name].zh,
                "en": found[part.name].en,
                **found[part.name].figures,
            }
            for part in self.parts
        ]
        return {"status": self._status(found), "parts": parts}

    def _status(self, found: Mapping[str, Finding]) -> str:
        if self._stopping.told:
            return "stopping"
        whole = all(found[part.name].ok for part in self.parts if part.weight is Weight.NEEDED)
        return "ready" if whole else "not_ready"


_WORDS = {"ready": "就绪 · ready", "not_ready": "未就绪 · not ready", "stopping": "正在停止 · stopping"}


def in_words(told: Mapping[str, Any]) -> str:
    """The same for people, a line for each part."""
    lines = [_WORDS[told["status"]]]
    for part in told["parts"]:
        mark = "✓" if part["ok"] else "✗" if part["needed"] else "!"
        lines.append(f"{mark} {part['name']}: {part['zh']} · {part['en']}")
    return "\n".join(lines) + "\n"
