"""The public files: type definitions and leaf files, named by their hash, written once and for all."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from licence.definition import LicenceType
from registry.objects import Objects


@dataclass(frozen=True, slots=True)
class Publisher:
    """Writes public objects: below one folder, which any server may copy, or in the bucket that registries share."""

    files: Objects

    def definition(self, kind: LicenceType) -> None:
        """Publishes a type version as types/<SHA-256>.json.

        Raises:
            ConflictError: it is published with other bytes.
            ObjectsUnreachableError: try again.
        """
        self.files.keep(f"types/{kind.digest.hex()}.json", kind.canonical())

    def leaves(self, department: int, root: bytes, leaves: Sequence[bytes]) -> None:
        """Publishes a batch as <department>/leaves/<root>.bin, before its root is sent to the chain.

        Raises:
            ConflictError: it is published with other bytes.
            ObjectsUnreachableError: try again.
        """
        self.files.keep(f"{department}/leaves/{root.hex()}.bin", b"".join(leaves))

    def departments(self, listed: Sequence[dict[str, object]]) -> None:
        """Publishes the list of departments, for people; verifiers take it from the chain.

        Raises:
            ObjectsUnreachableError: try again.
        """
        self.files.put("departments.json", listing(listed))

    def read(self, name: str) -> bytes:
        """A public file.

        Raises:
            ObjectMissingError: there is none of that name.
            ObjectsUnreachableError: whether it is there could not be found out.
        """
        return self.files.get(name)


def listing(listed: Sequence[dict[str, object]]) -> bytes:
    """The list of departments as its file has it."""
    return json.dumps(listed, ensure_ascii=False, indent=1).encode() + b"\n"
