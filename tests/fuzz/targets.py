"""Fuzzing of every parser that meets bytes of strangers: python -m tests.fuzz.targets NAME SECONDS

A parser may raise MalformedError and nothing else; what it reads, it must write back byte for byte.
"""

import sys
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["licence", "cbor2", "json"]):
    from licence import canonical, presentation, sd_jwt, text
    from licence.definition import LicenceType
    from licence.entry import SignedEntry
    from licence.errors import MalformedError
    from licence.examine import examine
    from licence.receipt import Receipt
from tests.licence import vectors, wallet
from tests.licence.desk import NOW, definitions
from tests.licence.vectors import golden

Target = Callable[[bytes], None]


def signed_entry(data: bytes) -> None:
    assert SignedEntry.parse(data).data == data


def code(data: bytes) -> None:
    """What stands behind a check that is right: forgers can reckon it too."""
    shown = vectors.resealed(data)
    form, payload = text.unpack(shown)
    assert text.unpack(text.pack(form, payload, 0)) == (form, payload)
    judged(presentation.read(shown))


def any_text(data: bytes) -> None:
    """Whole presentations, judged to the end."""
    judged(presentation.read(data.decode("utf-8", "surrogateescape")))


def judged(shown: presentation.Presentation) -> None:
    """Nothing invented is VALID."""
    found = examine(shown, wallet.facts(golden("business")), NOW)
    assert found.reason is not None or shown.terms == golden("business").issued.signed.entry.terms


def json_text(data: bytes) -> None:
    value = canonical.read_json(data)
    assert canonical.read_json(canonical.jcs(value)) == value


def receipt(data: bytes) -> None:
    value = canonical.read_json(data)
    assert Receipt.from_json(value).to_json() == value


def definition(data: bytes) -> None:
    assert LicenceType.from_canonical(data).canonical() == data


def definition_file(data: bytes) -> None:
    kind = LicenceType.from_toml(data.decode("utf-8", "replace"))
    assert LicenceType.from_canonical(kind.canonical()) == kind


def credential(data: bytes) -> None:
    sd_jwt.SdJwt.parse(data.decode("latin-1"))


def disclosure(data: bytes) -> None:
    sd_jwt.Disclosure.parse(canonical.base64url(data))


TARGETS: dict[str, Target] = {
    each.__name__: each
    for each in (
        *(signed_entry, code, any_text, json_text, receipt, definition, definition_file),
        *(credential, disclosure),
    )
}


def seeds(name: str) -> list[bytes]:
    """Good input to start from."""
    g = golden("business")
    bound = wallet.wallet(g, ["entName"], holder=wallet.HOLDER.public).shown(NOW)
    toml = next(iter(definitions().values()))
    found = {
        "signed_entry": [g.issued.signed.data],
        "code": [text.read_base45(g.paper.text(each)[5:])[:-4] for each in (0, 1)],
        "any_text": [g.paper.text(0).encode(), g.file.render(), bound.encode()],
        "json_text": [g.file.render(), toml.canonical()],
        "receipt": [canonical.jcs(g.receipt.to_json())],
        "definition": [each.canonical() for each in definitions().values()],
        "definition_file": [b'code = "1"\nversion = 1\n[title]\nzh = "x"\nen = "y"\n'],
        "credential": [bound.encode()],
        "disclosure": [canonical.read_base64url(bound.split("~")[1])],
    }
    return found[name]


def guarded(target: Target) -> Target:
    """A refusal is an answer; anything else that is raised is a finding."""

    def run(data: bytes) -> None:
        try:
            target(data)
        except MalformedError:
            return

    return run


def main() -> None:
    """Runs one target for some seconds, over a corpus of good input in a folder of its own."""
    import tempfile
    from pathlib import Path

    name, seconds = sys.argv[1], sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        for place, data in enumerate(seeds(name)):
            (Path(folder) / str(place)).write_bytes(data)
        told = [
            sys.argv[0],
            f"-max_total_time={seconds}",
            "-max_len=8192",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
            f"-artifact_prefix={folder}/",
            folder,
        ]
        atheris.Setup(told, guarded(TARGETS[name]))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
