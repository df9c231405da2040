"""The public files: type definitions and leaf files, named by their hash, written once and for all."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from licence.definition import LicenceType
from registry.errors import ConflictError


@dataclass(frozen=True, slots=True)
class Publisher:
    """Writes below one folder, which any server may copy."""

    folder: Path

    def definition(self, kind: LicenceType) -> None:
        """Publishes a type version as types/<SHA-256>.json."""
        self._write(self.folder / "types" / f"{kind.digest.hex()}.json", kind.canonical())

    def leaves(self, department: int, root: bytes, leaves: Sequence[bytes]) -> None:
        """Publishes a batch as <department>/leaves/<root>.bin, before its root is sent to the chain."""
        self._write(self.folder / str(department) / "leaves" / f"{root.hex()}.bin", b"".join(leaves))

    def departments(self, listed: Sequence[dict[str, object]]) -> None:
        """Publishes the list of departments, for people; verifiers take it from the chain."""
        path = self.folder / "departments.json"
        path.unlink(missing_ok=True)
        self._write(path, listing(listed))

    def _write(self, path: Path, data: bytes) -> None:
        if path.exists():
            if path.read_bytes() != data:
                raise ConflictError(
                    "公开文件与原文不符", f"{path.name} exists with other bytes: find out who wrote it"
                )
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.new")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)


def listing(listed: Sequence[dict[str, object]]) -> bytes:
    """The list of departments as its file has it."""
    return json.dumps(listed, ensure_ascii=False, indent=1).encode() + b"\n"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
