"""The store of objects, in a folder and on a real S3-speaking server: the same rules on both."""

import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from registry.errors import ConflictError, ObjectMissingError, ObjectsUnreachableError, UnreachableError
from registry.objects import Objects, Part
from registry.settings import Settings, SettingsError, read_settings
from tests.stores.bucket import S3
from tests.stores.conftest import StoreOfObjects
from tests.stores.writing_objects import content

MANY = 1_205


def opened(url: str, part: Part = Part.SEALED) -> Objects:
    return Objects.open(Settings(objects_url=url), part)


def test_what_was_put_is_got_listed_and_deleted(store: StoreOfObjects) -> None:
    objects = opened(store.url)
    objects.put("ab12", b"sealed")
    objects.put("1/leaves/ff.bin", b"")
    assert (objects.get("ab12"), objects.get("1/leaves/ff.bin")) == (b"sealed", b"")
    assert sorted(objects.names()) == ["1/leaves/ff.bin", "ab12"]
    objects.delete("ab12")
    assert list(objects.names()) == ["1/leaves/ff.bin"]


def test_ten_mebibytes_come_back_as_they_went(store: StoreOfObjects) -> None:
    objects, data = opened(store.url), os.urandom(10 * 2**20 + 100)
    objects.put("large", data)
    assert objects.get("large") == data


def test_a_second_put_takes_the_place_of_the_first(store: StoreOfObjects) -> None:
    objects = opened(store.url)
    objects.put("departments.json", b"one department, and more of it")
    objects.put("departments.json", b"two")
    assert objects.get("departments.json") == b"two"


def test_what_is_kept_is_kept_as_it_was_first_written(store: StoreOfObjects) -> None:
    objects = opened(store.url, Part.PUBLIC)
    objects.keep("types/ab.json", b"the definition")
    objects.keep("types/ab.json", b"the definition")
    with pytest.raises(ConflictError, match=r"types/ab\.json exists with other bytes"):
        objects.keep("types/ab.json", b"another definition")
    assert objects.get("types/ab.json") == b"the definition"


def test_of_many_who_keep_other_bytes_at_once_one_wins(store: StoreOfObjects) -> None:
    start, said = threading.Barrier(8), list(range(8))

    def keep(which: int) -> bool:
        objects = opened(store.url, Part.PUBLIC)
        start.wait(10)
        try:
            objects.keep("1/leaves/aa.bin", b"%d" % which * 1000)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [which for which, kept in zip(said, pool.map(keep, said), strict=True) if kept]
    assert len(won) == 1
    assert opened(store.url, Part.PUBLIC).get("1/leaves/aa.bin") == b"%d" % won[0] * 1000


def test_sealed_and_public_objects_do_not_meet(store: StoreOfObjects) -> None:
    sealed, public = opened(store.url), opened(store.url, Part.PUBLIC)
    sealed.put("one", b"sealed")
    public.put("two", b"public")
    assert (list(sealed.names()), list(public.names())) == (["one"], ["two"])
    with pytest.raises(ObjectMissingError):
        public.get("one")


def test_a_missing_object_is_a_loss_and_not_an_outage(store: StoreOfObjects) -> None:
    objects = opened(store.url)
    with pytest.raises(ObjectMissingError, match="no object ab in the store") as caught:
        objects.get("ab")
    assert not isinstance(caught.value, UnreachableError)
    objects.delete("ab")  # is no error


@pytest.mark.parametrize(
    "name", ["", "../ab", "a/../b", "/etc/passwd", "a//b", ".hidden", "a/.new", "Ä", "a\nb"]
)
def test_a_name_cannot_lead_out_of_the_store(store: StoreOfObjects, name: str) -> None:
    objects = opened(store.url)
    deeds: tuple[Callable[[], None], ...] = (
        lambda: objects.put(name, b""),
        lambda: objects.keep(name, b""),
        lambda: objects.delete(name),
    )
    for deed in deeds:
        with pytest.raises(ValueError, match="an object's name"):
            deed()
    with pytest.raises(ObjectMissingError):
        objects.get(name)


def test_more_than_a_thousand_are_all_listed(store: StoreOfObjects) -> None:
    objects = opened(store.url)
    names = [f"{number:05}" for number in range(MANY)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: objects.put(name, name.encode()), names))
    assert sorted(objects.names()) == names


def test_a_store_that_is_away_is_said_so_and_all_is_there_when_it_is_back(store: StoreOfObjects) -> None:
    objects = opened(store.url)
    objects.put("ab", b"sealed")
    store.leave()
    deeds: tuple[Callable[[], object], ...] = (
        lambda: objects.put("cd", b"more"),
        lambda: objects.keep("cd", b"more"),
        lambda: objects.get("ab"),
        lambda: objects.delete("ab"),
        lambda: list(objects.names()),
        objects.demand_reachable,
    )
    try:
        for deed in deeds:
            began = time.monotonic()
            with pytest.raises(ObjectsUnreachableError, match="does not answer"):
                deed()
            assert time.monotonic() - began < 5
    finally:
        store.come_back()
    objects.demand_reachable()
    objects.put("cd", b"more")
    assert (objects.get("ab"), objects.get("cd")) == (b"sealed", b"more")


def killed_while_writing(store: StoreOfObjects, home: Path, after: float) -> list[str]:
    """The names that a writer said were stored before it was killed, so long after it began another."""
    told = [sys.executable, "-m", "tests.stores.writing_objects", store.url, str(home)]
    writer = subprocess.Popen(told, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    said = [writer.stdout.readline().strip() for _ in range(2)]
    time.sleep(after)
    writer.kill()
    return [
        *said,
        *(
            line.strip()
            for line in writer.communicate()[0].splitlines()
            if line.endswith(tuple("0123456789"))
        ),
    ]


def test_a_writer_killed_in_the_middle_leaves_whole_objects_alone(
    store: StoreOfObjects, tmp_path: Path
) -> None:
    objects = opened(store.url)
    for after in (0.001, 0.002, 0.003, 0.005, 0.008):
        said = killed_while_writing(store, tmp_path, after)
        found = set(objects.names())
        assert set(said) <= found
        for name in found:
            assert objects.get(name) == content(name), "half an object is visible"


def test_what_a_killed_writer_left_is_swept_away_and_no_object_with_it(tmp_path: Path) -> None:
    home = tmp_path / "store"
    store = StoreOfObjects(home.as_uri(), lambda: None, lambda: None)
    said, after = killed_while_writing(store, tmp_path, 0.002), 0.002
    while not (left := list((home / "sealed" / ".new").iterdir())):
        said += killed_while_writing(store, tmp_path, after := after * 1.3)
    objects = opened(store.url)
    objects.sweep(60)
    assert list((home / "sealed" / ".new").iterdir()) == left, "it may be under way"
    objects.sweep(0)
    assert not list((home / "sealed" / ".new").iterdir())
    assert set(said) <= set(objects.names())


def test_a_server_killed_in_the_middle_loses_nothing_it_acknowledged(s3: S3, tmp_path: Path) -> None:
    url = s3.bucket()
    told = [sys.executable, "-m", "tests.stores.writing_objects", url, str(tmp_path)]
    writer = subprocess.Popen(told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    said = [writer.stdout.readline().strip() for _ in range(4)]
    s3.kill()
    rest, why = writer.communicate(timeout=60)
    s3.start()
    objects = opened(url)
    assert {*said, *rest.split()} <= set(objects.names())
    assert all(objects.get(name) == content(name) for name in objects.names())
    assert (writer.returncode, "ObjectsUnreachableError" in why) == (1, True)


@pytest.mark.parametrize("wrong", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_wrong_credentials_are_no_loss_and_are_not_repeated(
    s3: S3, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    url = s3.bucket()
    opened(url).put("ab", b"sealed")
    monkeypatch.setenv(wrong, "somebody-else")
    objects = opened(url)
    for deed in (lambda: objects.get("ab"), lambda: objects.put("ab", b""), objects.demand_reachable):
        with pytest.raises(ObjectsUnreachableError) as caught:
            deed()
        assert "AWS_" in caught.value.en
        assert "somebody-else" not in caught.value.en


def test_a_bucket_that_is_not_there_is_no_loss(s3: S3) -> None:
    objects = opened("s3://another-bucket/elicence")
    for deed in (lambda: objects.get("ab"), lambda: objects.put("ab", b""), objects.demand_reachable):
        with pytest.raises(ObjectsUnreachableError, match=r"NoSuchBucket: check ELICENCE_OBJECTS_URL"):
            deed()


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up(
    s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_ONE", "_ALL"):
        monkeypatch.setattr(f"registry.object_bucket.{name}", timedelta(seconds=1))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(ObjectsUnreachableError, match="no answer"):
            opened("s3://registry-1/x").get("ab")
    assert time.monotonic() - began < 5


def test_only_we_can_read_sealed_files(tmp_path: Path) -> None:
    url = (tmp_path / "store").as_uri()
    opened(url).put("1/ab", b"sealed")
    opened(url, Part.PUBLIC).put("1/ab", b"public")
    root = tmp_path / "store" / "sealed"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (root, root / "1", root / "1" / "ab")]
    assert modes == [0o700, 0o700, 0o600]
    assert stat.S_IMODE((tmp_path / "store" / "public" / "1" / "ab").stat().st_mode) & 0o044


def test_without_a_url_files_are_where_they_were(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    Objects.open(settings).put("ab", b"sealed")
    Objects.open(settings, Part.PUBLIC).keep("types/ab.json", b"{}")
    assert (tmp_path / "registry" / "objects" / "ab").read_bytes() == b"sealed"
    assert (tmp_path / "public" / "types" / "ab.json").read_bytes() == b"{}"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/bucket", "s3://", "s3://name:secret@bucket/x", "s3://bucket/a?b", "/a/folder"]
)
def test_a_url_of_another_kind_stops_the_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ELICENCE_OBJECTS_URL", url)
    with pytest.raises(SettingsError, match=r"ELICENCE_OBJECTS_URL \(s3://BUCKET/PREFIX"):
        read_settings()
