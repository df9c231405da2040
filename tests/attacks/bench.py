"""The bench on which the contracts are attacked: forge and halmos over tests/attacks/forge, compiled once.

The attacks know the contracts by their interfaces only; the code comes from outside by environment variables. So the
committed artifacts are attacked as they are, and a mutant costs no compiling. Never touches the tree but below
node_modules.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from contracts import artifacts
from scripts import contracts, npm

FOLDER = Path(__file__).parent
TOOLS = FOLDER / ".venv" / "bin"
_VARIABLES = {
    "IssuerRegistry": "CODE_ISSUER_REGISTRY",
    "AnchorLog": "CODE_ANCHOR_LOG",
    "StatusList": "CODE_STATUS_LIST",
}


def bench() -> Path:
    """A folder in which the attacks are compiled; compiled anew only when one of them is another.

    Raises:
        RuntimeError: they do not compile; the message is the compiler's.
    """
    programs()
    folder = FOLDER / "node_modules" / ".cache" / f"attacks-{_fingerprint()}"
    with (FOLDER / "foundry.toml").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run side by side ask at the same time
        if not (folder / "compiled").exists():
            _compile(folder)
    return folder


def programs() -> dict[str, str]:
    """An environment in which forge, and the node that our compiler runs on, are found."""
    contracts.install()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    forge = npm.install(FOLDER, f"@foundry-rs/forge-linux-{machine}/bin/forge")
    forge.chmod(0o755)
    environment = npm.tools()
    environment["PATH"] = os.pathsep.join([str(forge.parent), str(TOOLS), environment["PATH"]])
    environment["NO_COLOR"] = "1"
    return environment


def settle(folder: Path, sources: Path) -> None:
    """Lays out a project for forge: sources, our compiler, OpenZeppelin."""
    shutil.copytree(sources, folder / "forge", ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(FOLDER / "foundry.toml", folder)
    (folder / "solc.js").symlink_to(contracts.FOLDER / "solc.js")
    (folder / "node_modules").symlink_to(contracts.FOLDER / "node_modules")


def place(at: Path) -> Path:
    """A place of its own for one attack: what forge remembers of one must not reach another."""
    shutil.copytree(bench(), at, symlinks=True)
    return at


def committed() -> dict[str, str]:
    """The code that is deployed, by contract, in hexadecimal."""
    return {name: artifacts.load(name).bytecode.hex() for name in _VARIABLES}


def run(
    command: list[str], folder: Path, codes: Mapping[str, str], *, patience: float = 240
) -> subprocess.CompletedProcess[str]:
    """Runs an attack on these codes, at most `patience` seconds."""
    given = {_VARIABLES[name]: "0x" + code for name, code in codes.items()}
    # With CI set the tools colour their words and leave files out.
    plain = {name: value for name, value in programs().items() if name != "CI"}
    return subprocess.run(
        command,
        cwd=folder,
        env={**plain, **given},
        capture_output=True,
        text=True,
        check=False,
        timeout=patience,
    )


def _fingerprint() -> str:
    digest = hashlib.sha256((FOLDER / "foundry.toml").read_bytes())
    for path in sorted((FOLDER / "forge").iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _compile(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settle(folder, FOLDER / "forge")
    done = run(["forge", "build"], folder, {})
    if done.returncode != 0:
        raise RuntimeError(f"the attacks do not compile: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    (folder / "compiled").touch()
