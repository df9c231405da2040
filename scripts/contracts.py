"""Compiles the contracts into contracts/artifacts, or checks that what is committed is what the sources give.

Usage: python -m scripts.contracts build|check
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from scripts import npm

FOLDER = Path(__file__).parent.parent / "contracts"
NAMES = ("IssuerRegistry", "AnchorLog", "StatusList")
_IMPORT = re.compile(r'import\s+(?:\{[^}]*\}\s+from\s+)?"([^"]+)"')
SETTINGS = {
    "optimizer": {"enabled": True, "runs": 200},
    "viaIR": True,
    "evmVersion": "paris",
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "outputSelection": {
        "*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode", "storageLayout"], "": ["ast"]},
    },
}


def install() -> None:
    """Installs the compiler and OpenZeppelin by lock file, once."""
    npm.install(FOLDER, "solc/soljson.js")


def sources() -> dict[str, dict[str, str]]:
    """Every source file that the contracts reach, by the name under which it is imported."""
    found: dict[str, dict[str, str]] = {}
    waiting = [f"{name}.sol" for name in NAMES]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        text = _locate(name).read_text("utf-8")
        found[name] = {"content": text}
        waiting += [_resolve(name, target) for target in _IMPORT.findall(text)]
    return dict(sorted(found.items()))


def _locate(name: str) -> Path:
    return FOLDER / "node_modules" / name if name.startswith("@") else FOLDER / name


def _resolve(importer: str, target: str) -> str:
    return (
        os.path.normpath(os.path.join(os.path.dirname(importer), target))
        if target.startswith(".")
        else target
    )


def compile_all() -> dict[str, dict[str, Any]]:
    """The artifacts of the three contracts, as they are committed."""
    install()
    output = compile_sources(sources())
    return {name: _artifact(name, output) for name in NAMES}


def compile_sources(given: dict[str, dict[str, str]], settings: dict[str, Any] = SETTINGS) -> dict[str, Any]:
    """What the compiler makes of these sources: under the product's settings, unless others are given."""
    import solcx

    os.environ["PATH"] = npm.tools()["PATH"]
    asked = {"language": "Solidity", "sources": given, "settings": settings}
    output: dict[str, Any] = solcx.compile_standard(asked, solc_binary=FOLDER / "solc.js")
    return output


def _artifact(name: str, output: dict[str, Any]) -> dict[str, Any]:
    made = output["contracts"][f"{name}.sol"][name]
    runtime = made["evm"]["deployedBytecode"]
    names = _immutable_names(output)
    return {
        "contract": name,
        "compiler": "solc 0.8.37, viaIR, optimizer 200 runs, paris",
        "abi": made["abi"],
        "bytecode": made["evm"]["bytecode"]["object"],
        "runtime": runtime["object"],
        "immutables": {
            names[key]: [place["start"] for place in places]
            for key, places in sorted(runtime.get("immutableReferences", {}).items())
        },
        "storage": {
            slot["label"]: [int(slot["slot"]), slot["offset"]] for slot in made["storageLayout"]["storage"]
        },
    }


def _immutable_names(output: dict[str, Any]) -> dict[str, str]:
    """AST id to name: the compiler reports immutables by id."""
    found: dict[str, str] = {}

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if node.get("nodeType") == "VariableDeclaration" and node.get("mutability") == "immutable":
                found[str(node["id"])] = node["name"]
            for part in node.values():
                walk(part)
        elif isinstance(node, list):
            for part in node:
                walk(part)

    walk([source["ast"] for source in output["sources"].values()])
    return found


def main() -> int:
    """Builds, or compares and names what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("deed", choices=["build", "check"])
    deed = parser.parse_args().deed
    stale = []
    for name, artifact in compile_all().items():
        path = FOLDER / "artifacts" / f"{name}.json"
        text = json.dumps(artifact, indent=1) + "\n"
        if deed == "build":
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            stale.append(name)
        print(f"{name}: runtime {len(artifact['runtime']) // 2} bytes")
    if stale:
        print(
            f"not what the sources give: {', '.join(stale)}; run python -m scripts.contracts build",
            file=sys.stderr,
        )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
