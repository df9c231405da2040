"""A real S3-speaking server for the tests: versitygw, built by go.sum, a folder of its own, a free port on loopback."""

import fcntl
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import obstore
from obstore.store import S3Store

from scripts.stack import Ports

FOLDER = Path(__file__).resolve().parent.parent / "peers" / "s3"
PROGRAM = FOLDER / "bin" / "versitygw"
NAME, SECRET = "registry", "a secret of the tests"


def build() -> Path:
    """Builds what tests/peers/s3/go.sum names, unless it is there: two minutes the first time on a machine."""
    PROGRAM.parent.mkdir(exist_ok=True)
    with (PROGRAM.parent / "lock").open("wb") as lock:  # go locks go.sum itself
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run side by side ask at the same time
        if not PROGRAM.exists():
            assert shutil.which("go"), "Go 1.25 or newer is needed to build the S3 server of the tests"
            new = PROGRAM.with_suffix(".new")
            told = [
                "go",
                "build",
                "-mod=readonly",
                "-o",
                str(new),
                "github.com/versity/versitygw/cmd/versitygw",
            ]
            subprocess.run(told, cwd=FOLDER, check=True)
            new.replace(PROGRAM)
    return PROGRAM


@dataclass
class S3:
    """A server, which may be stopped, killed and started again over the same folder; each bucket has its own name."""

    folder: Path
    port: int = field(default_factory=lambda: Ports.free().chain)
    process: subprocess.Popen[bytes] | None = None
    count: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a registry is told of the server."""
        told = {"AWS_ENDPOINT_URL": self.address, "AWS_REGION": "us-east-1"}
        return {**told, "AWS_ACCESS_KEY_ID": NAME, "AWS_SECRET_ACCESS_KEY": SECRET}

    def start(self) -> None:
        """Starts, and waits until it answers."""
        told = [str(build()), "--port", f"127.0.0.1:{self.port}", "--quiet", "posix", str(self.folder)]
        environment = {**os.environ, "ROOT_ACCESS_KEY": NAME, "ROOT_SECRET_KEY": SECRET}
        self.process = subprocess.Popen(told, env=environment, stdout=subprocess.DEVNULL)
        for _ in range(200):
            try:
                httpx.get(self.address, timeout=2)
                return
            except httpx.TransportError:
                assert self.process.poll() is None, "the S3 server has ended"
                time.sleep(0.05)
        raise AssertionError("the S3 server does not answer")

    def kill(self) -> None:
        """Ends it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def bucket(self) -> str:
        """The URL of a prefix in a fresh, empty bucket."""
        self.count += 1
        name = f"registry-{self.count}-{secrets.token_hex(3)}"
        store = S3Store(
            name,
            endpoint=self.address,
            access_key_id=NAME,
            secret_access_key=SECRET,
            region="us-east-1",
            client_options={"allow_http": True},
        )
        made = httpx.put(obstore.sign(store, "PUT", "", timedelta(minutes=1)), timeout=10)
        assert made.status_code == 200, made.text
        return f"s3://{name}/elicence"


@contextmanager
def serving() -> Iterator[S3]:
    """A server, and its folder removed after it."""
    server = S3(Path(tempfile.mkdtemp(prefix="elicence-s3-")))
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(server.folder)


if __name__ == "__main__":
    build()
