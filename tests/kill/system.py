"""The system under the knife: every process by way of deadly.py, two workers, and restarted whenever it has died."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from registry.house import build, own_signer
from registry.onboarding import admit, deploy
from registry.settings import Settings
from scripts import seeding
from scripts.stack import Stack
from tests.kill.deadly import HIT, POINTS

LEASE, LIST_SIZE = "1", 8_192  # the smallest: a long run fills the first block, and the next list is opened
DEPARTMENTS = (3, 4, 6)
MODULES: Mapping[str, Sequence[str]] = {
    "signer": ("registry", "signer"),
    "registry": ("registry", "web"),
    "worker": ("registry", "worker"),
    "worker2": ("registry", "worker"),
    "verifier": ("verifier",),
}
NAMES = ("chain", *MODULES)


@dataclass(slots=True)
class System(Stack):
    """A stack whose processes may be killed at any moment, and at the points of deadly.POINTS."""

    planted: str = ""
    logins: dict[int, str] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """The settings of all its processes, and of this one."""
        return super(System, self).settings.model_copy(update={"list_size": LIST_SIZE})

    @property
    def armed(self) -> Path:
        """Where points are armed."""
        return self.home / "armed"

    def found(self) -> None:
        """Starts everything for the first time, and admits three departments."""
        for folder in (self.home / "log", self.armed):
            folder.mkdir(parents=True)
        self.start_chain()
        signer = own_signer(self.settings)
        deploy(self.settings, signer)
        house = build(self.settings, signer)
        wanted = [each for each in seeding.applicants() if each.id in DEPARTMENTS]
        self.logins = {item.department.id: item.token for item in admit(house, wanted, self.let_in)}
        house.store.close()
        for name in MODULES:
            self._start(name, list(MODULES[name]))
        self.await_ready(60)

    def revive(self) -> list[str]:
        """Starts again what has died; gives the names."""
        dead = [name for name in NAMES if self.processes[name].poll() is not None]
        for name in dead:
            self.restarts[name] = self.restarts.get(name, 0) + 1
            self._start(name, self._command(name))
        return dead

    def _command(self, name: str) -> list[str]:
        if name != "chain":
            return list(MODULES[name])
        return ["localchain", "run", "--data", str(self.home / "chain"), "--port", str(self.ports.chain)]

    def await_ready(self, seconds: float) -> float:
        """Waits until registry and verifier answer, reviving what dies meanwhile; gives the seconds it took.

        Raises:
            AssertionError: it took longer than `seconds`.
        """
        begun = time.monotonic()
        while not (
            self._answers(self.registry, "/api/v1/network") and self._answers(self.verifier, "/readyz")
        ):
            assert time.monotonic() < begun + seconds, f"not ready after {seconds:.0f} s: see {self.home}/log"
            self.revive()
            time.sleep(0.05)
        return time.monotonic() - begun

    @staticmethod
    def _answers(base: str, path: str) -> bool:
        try:
            return httpx.get(base + path, timeout=2, trust_env=False).status_code < 500
        except httpx.HTTPError:
            return False

    def arm(self, point: str) -> None:
        """The next process that passes the point dies."""
        (self.armed / point).touch()

    def hit(self, point: str) -> bool:
        """Whether an armed point has killed."""
        return (self.armed / point).with_suffix(HIT).exists()

    def disarm(self, point: str) -> None:
        """Nobody dies there any more."""
        for path in (self.armed / point, (self.armed / point).with_suffix(HIT)):
            path.unlink(missing_ok=True)

    def environment(self, name: str) -> Mapping[str, str]:
        """What one process is told: the second worker as the first."""
        return super(System, self).environment("worker" if name == "worker2" else name)

    def _told(self) -> Mapping[str, str]:
        more = {"ELICENCE_ARMED": str(self.armed), "ELICENCE_PLANTED": self.planted, "ELICENCE_LEASE": LEASE}
        small = {"ELICENCE_SEAL_AFTER": "0.5", "ELICENCE_LIST_SIZE": str(LIST_SIZE), "ELICENCE_POLL": "0.2"}
        return {**super(System, self)._told(), **more, **small}

    def _start(self, name: str, module: list[str]) -> None:
        before = self._log(name).read_bytes() if self._log(name).exists() else b""
        super(System, self)._start(name, ["tests.kill.deadly", *module])
        if before:
            with (self.home / "log" / f"{name}.before.log").open("ab") as kept:
                kept.write(before)


def every_point() -> list[str]:
    """The names of all points."""
    return [point for points in POINTS.values() for point in points]
