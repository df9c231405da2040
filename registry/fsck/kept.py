"""What is kept as objects: is a public file as it should be, and is an object part of a write that is under way?"""

from collections.abc import Iterator, Sequence

from registry.errors import ObjectMissingError
from registry.fsck.finding import Finding, altered, missing
from registry.fsck.scene import SETTLED, Scene
from registry.objects import Objects


def public_file(scene: Scene, name: str, told: str, expected: Sequence[bytes]) -> Iterator[Finding]:
    """A public file is there, with one of these contents."""
    try:
        found = scene.public.get(name)
    except ObjectMissingError:
        yield missing("file", f"public/{name}", told)
        return
    if found not in expected:
        yield altered("file", f"public/{name}", told, "other bytes")


def is_settled_object(objects: Objects, name: str) -> bool:
    """Whether an object is no part of a write that is under way."""
    try:
        return objects.age(name) > SETTLED
    except ObjectMissingError:
        return False  # it has just been taken away
