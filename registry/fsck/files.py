"""Files that everybody may read, and the pins: byte for byte as the rows say, none missing, none foreign."""

import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

from contracts.deployment import Deployment, PinError
from registry.fsck.finding import Finding, altered, contradicts, foreign, missing
from registry.fsck.kept import is_settled_object, public_file
from registry.fsck.reading import Snapshot
from registry.fsck.scene import SETTLED, Scene
from registry.fsck.trail import pins_noted
from registry.onboarding import described
from registry.publishing import listing
from registry.tables import Batch, Department, TypeVersion
from registry.trail import SHORT

_TYPE = re.compile(r"types/([0-9a-f]{64})\.json")
_LEAVES = re.compile(r"([0-9]{1,10})/leaves/([0-9a-f]{64})\.bin")
_LISTED = "departments.json"
_PATIENCE = 0.2


def read_pins(home: Path) -> Deployment | Finding:
    """The pins, or what is wrong with their file."""
    path = home / "deployment.json"
    if not path.exists():
        return missing("file", path.name, "the pins of the network")
    try:
        pins = Deployment.from_json(path.read_text("utf-8"))
        if pins.to_json() == path.read_text("utf-8"):
            return pins
    except (PinError, UnicodeError):
        pass
    return altered("file", path.name, "the pins as `elicence deploy` wrote them", "other bytes")


def pins(scene: Scene, found: Deployment) -> Iterator[Finding]:
    """The pins are those that the departments were admitted on, by the audit trail."""
    noted = pins_noted(scene)
    digest = hashlib.sha256(found.to_json().encode()).hexdigest()[:SHORT]
    if noted and digest not in noted:
        told = " or ".join(sorted(noted))
        yield contradicts(
            "file", "deployment.json", f"SHA-256 {told}…, as the audit trail says", f"{digest}…"
        )


def public(scene: Scene) -> Iterator[Finding]:
    """Type definitions and the list of departments; leaf files are looked at with their batches."""
    for row in scene.snapshot.rows(TypeVersion, order=["code", "version"]):
        told = f"the definition of type {row['code']}, version {row['version']}"
        yield from public_file(scene, f"types/{row['digest']}.json", told, [row["definition"]])
    yield from _departments(scene)
    yield from _foreign(scene)


def _departments(scene: Scene) -> Iterator[Finding]:
    found = list(_listed(scene))
    if found:  # an admission writes the file, and then its row
        time.sleep(_PATIENCE)
        found = list(_listed(scene))
    yield from found


def _listed(scene: Scene) -> Iterator[Finding]:
    with scene.store.read() as session:
        rows = [Department(**row) for row in Snapshot(session).rows(Department, order=["id"])]
    admitted = [row for row in rows if row.admitted_at]
    if not admitted:
        return
    expected = [listing(described(some)) for some in (rows, admitted)]
    yield from public_file(scene, _LISTED, "the list of departments, as table department has them", expected)


def _foreign(scene: Scene) -> Iterator[Finding]:
    for name in sorted(scene.public.names()):
        if name != _LISTED and not _accounted(scene, name) and is_settled_object(scene.public, name):
            yield foreign("file", f"public/{name}", "a row that it was made from", "none")


def _accounted(scene: Scene, name: str) -> bool:
    if kind := _TYPE.fullmatch(name):
        return scene.by_now(TypeVersion, digest=kind[1])
    if leaves := _LEAVES.fullmatch(name):
        return scene.by_now(Batch, department=int(leaves[1]), root=bytes.fromhex(leaves[2]))
    return False


def is_settled(path: Path) -> bool:
    """Whether a file is no part of a write that is under way."""
    try:
        return time.time() - path.stat().st_mtime > SETTLED
    except FileNotFoundError:
        return False


def left_over(scene: Scene) -> Iterator[Finding]:
    """Files that a write left when it was cut short, beside the pins and the database."""
    home = scene.settings.home
    for path in sorted([*home.rglob("*.new"), *home.rglob(".new/*")]):
        if path.is_file() and is_settled(path):
            yield foreign("file", scene.path(path), "no file of a write that was cut short", "one")
