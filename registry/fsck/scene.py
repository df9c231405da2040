"""What the checks look at: one moment of the database, the keys as far as they are fit, files and objects."""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import literal, select
from sqlmodel import SQLModel, col

from contracts.deployment import Deployment
from registry.fsck.finding import UNREADABLE
from registry.fsck.reading import Row, Snapshot
from registry.objects import Objects
from registry.settings import Settings
from registry.store import Store
from registry.vault import Vault
from registry.wrapping import Generation, generation_of

# Told what is looked at, how many are done, and how many there are (0: not known).
Progress: TypeAlias = Callable[[str, int, int], None]
Item = TypeVar("Item")
# A file or object younger than this may belong to a write that is under way.
SETTLED = 60


@dataclass(frozen=True, slots=True)
class Keys:
    """The vault as far as its key files are there; `rows`, `index`: whether those keys are what they were."""

    vault: Vault
    rows: bool
    index: bool
    wrapping: bool


@dataclass(slots=True)
class Scene:
    """Everything that is looked at. `pins` are None while deployment.json is not to be believed."""

    settings: Settings
    store: Store
    snapshot: Snapshot
    keys: Keys
    objects: Objects
    public: Objects
    pins: Deployment | None
    now: int
    progress: Progress
    whole: set[int] = field(default_factory=set)
    """The departments whose audit trail begins with their admission: it tells of every deed."""
    index_fits: bool = False
    """Whether index.key is the key that the blind indexes were made with."""
    forgotten: "array[int] | None" = None
    """What the trail says was deleted on purpose, once that is known."""
    there: set[Generation] = field(default_factory=set)
    """The wrapping keys that were there when we began."""
    lost: set[Generation] = field(default_factory=set)
    """The wrapping keys that are gone or altered: what they wrapped is not at fault."""

    def counted(self, what: str, rows: Iterator[Item], total: int = 0) -> Iterator[Item]:
        """The same, while progress is told."""
        done = 0
        for done, row in enumerate(rows, start=1):
            if done % 1000 == 0:
                self.progress(what, done, total)
            yield row
        self.progress(what, done, done)

    def every(self, model: type[SQLModel], *order: str) -> Iterator[Row]:
        """All rows of a table, while progress is told."""
        rows = self.snapshot.rows(model, order=order)
        return self.counted(str(model.__tablename__), rows, self.snapshot.count(model))

    def by_now(self, model: type[Any], **where: object) -> bool:
        """Whether such a row is there at this moment: files and the chain are read after the snapshot was taken."""
        conditions = [col(getattr(model, name)) == value for name, value in where.items()]
        with self.store.read() as session:
            found = select(literal(1)).select_from(model).where(*conditions).limit(1)
            return session.execute(found).first() is not None

    def opens(self, wrapped: bytes, name: str) -> bool:
        """Whether a wrapped key opens for its name; also when it need not: its wrapping key is gone, or not fit."""
        try:
            if self.keys.wrapping and generation_of(wrapped) not in self.lost:
                self.keys.vault.unwrap(wrapped, name)
        except UNREADABLE:
            return self._has_rotated(wrapped)
        return True

    def _has_rotated(self, wrapped: bytes) -> bool:
        """Whether its wrapping key was destroyed while we looked, by a rotation."""
        try:
            generation = generation_of(wrapped)
            return generation in self.there and generation not in self.keys.vault.wrapping.generations()
        except UNREADABLE:
            return False

    def path(self, file: Path) -> str:
        """A file's name within the home folder."""
        return str(file.relative_to(self.settings.home))
