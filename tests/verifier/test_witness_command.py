"""The witness's command, its file, its key and its settings."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner, Result

from licence.canonical import base64url
from licence.witness import AlarmKind
from scripts.main import app as command_line
from scripts.stack import ROOT, Ports
from tests.nodes.nodes import ask
from tests.registry.office import Office
from verifier.continuity import Loss
from verifier.notebook import Notebook, NotebookError
from verifier.settings import Required, Settings, SettingsError, read_settings
from verifier.witness_key import WitnessKey, WitnessKeyError


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "w.key"
    first = WitnessKey.open(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert WitnessKey.open(path).public == first.public
    path.chmod(0o640)
    with pytest.raises(WitnessKeyError, match="mode 600"):
        WitnessKey.open(path)
    path.chmod(0o600)
    path.write_text("no key", "utf-8")
    with pytest.raises(WitnessKeyError, match="PEM"):
        WitnessKey.open(path)


def test_a_file_of_another_network_is_not_written_over(tmp_path: Path) -> None:
    Notebook(tmp_path / "w.db", "one").close()
    with pytest.raises(NotebookError, match="another network"):
        Notebook(tmp_path / "w.db", "two")


def test_an_alarm_of_a_kind_is_raised_once_while_it_is_open(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path / "w.db", "one")
    assert notebook.raise_alarm(AlarmKind.GAP, Loss("甲", "a"), block=1, at=2)
    assert not notebook.raise_alarm(AlarmKind.GAP, Loss("乙", "b"), block=2, at=3)
    assert notebook.raise_alarm(AlarmKind.FORK, Loss("乙", "b"), block=2, at=3)
    notebook.acknowledge(1, "looked at", 9)
    assert notebook.raise_alarm(AlarmKind.GAP, Loss("丙", "c"), block=3, at=4)
    assert [alarm.number for alarm in notebook.open_alarms()] == [2, 3]
    notebook.close()


PIN, KEY = base64url(b"\1" * 32), base64url(b"\2" * 32)


def test_required_witnesses_are_read_with_their_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Settings(witnesses=f"{PIN}@https://w.example, {KEY}@http://127.0.0.1:8703/other").required
    assert found == (
        Required(PIN, "https://w.example/witness"),
        Required(KEY, "http://127.0.0.1:8703/other"),
    )
    assert Settings().required == ()
    for wrong in (
        "https://w.example",
        f"{PIN}@ftp://w.example",
        f"{PIN}@https://u:p@w.example",
        "x@https://w.example",
        f"{PIN}@https://w.example,{PIN}@https://v.example",
        f"{PIN}@https://w.example,{KEY}@https://w.example",
    ):
        with pytest.raises(ValidationError):
            Settings(witnesses=wrong)
    monkeypatch.setenv("ELICENCE_WITNESSES", "nobody")
    with pytest.raises(SettingsError, match="ELICENCE_WITNESSES"):
        read_settings()


def test_the_command_runs_is_asked_and_closes_an_alarm(town: tuple[Office, str], tmp_path: Path) -> None:
    office, url = town
    port, file = Ports.free().verifier, tmp_path / "w.db"
    told = ["--home", str(office.stack.home), "--chain", url, "--file", str(file)]
    with running(tmp_path / "log", "--port", str(port), *told) as process:
        assert process.stdout is not None
        pin = process.stdout.readline().removeprefix("ready ").split("@")[0]
        demand_door(f"http://127.0.0.1:{port}")
        fine = asked("--check", "--json", *told)
        assert fine.exit_code == 0, fine.stderr
        assert json.loads(fine.stdout)["pin"] == pin
        ask(url, "anvil_rollback", 4)
        number = await_alarm(office, file)
        assert asked("--check", *told).exit_code == 1
        closing = ["--acknowledge", str(number), "--json", *told]
        assert "reason" in asked(*closing).stderr
        closed = json.loads(asked(*closing, "--reason", "a test took a block back").stdout)
        assert closed["alarms"][number - 1]["reason"] == "a test took a block back"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)
    assert "ALARM" in (tmp_path / "log").read_text("utf-8")


@contextmanager
def running(log: Path, *told: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "scripts.main", "witness", *told]
    with (
        log.open("w") as out,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=out, text=True) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


def asked(*arguments: str) -> Result:
    return CliRunner().invoke(command_line, ["witness", *arguments])


def demand_door(address: str) -> None:
    """Waits for a statement, and tries what else the door is asked for."""
    end = time.monotonic() + 30
    while (status := _status(f"{address}/witness")) != 200:
        assert time.monotonic() < end, status
        time.sleep(0.1)
    assert httpx.get(f"{address}/witness").text.count(".") == 2
    assert httpx.get(f"{address}/healthz").status_code == 200
    assert httpx.get(f"{address}/secret").status_code == 404
    assert httpx.post(f"{address}/witness").status_code == 405


def _status(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0


def await_alarm(office: Office, file: Path) -> int:
    """The number of the first open alarm."""
    pins = office.house.chain.demand_pins()
    notebook = Notebook(file, f"{pins.network_id} {pins.genesis_hash} {pins.issuer_registry}")
    end = time.monotonic() + 30
    while not notebook.open_alarms():
        assert time.monotonic() < end
        time.sleep(0.1)
    number = notebook.open_alarms()[0].number
    notebook.close()
    return number


def test_a_file_that_never_was_is_no_witness(town: tuple[Office, str], tmp_path: Path) -> None:
    told = ["--home", str(town[0].stack.home), "--file", str(tmp_path / "w.db")]
    assert "no witness ever ran" in asked("--check", *told).stderr
    assert not (tmp_path / "w.db").exists()
