"""The contracts with one defect each, named after it: what the attacks must not let live. Never deployed anywhere."""

from dataclasses import dataclass

from scripts import contracts

# The product's settings take eight times as long; what a defect does is the same.
_QUICK = {"evmVersion": "paris", "outputSelection": {"*": {"*": ["evm.bytecode.object"]}}}
LOG, LIST, REGISTRY = "AnchorLog", "StatusList", "IssuerRegistry"


@dataclass(frozen=True)
class Mutant:
    """A contract in which one passage is another."""

    defect: str
    contract: str
    old: str
    new: str

    def __str__(self) -> str:
        return self.defect.replace(" ", "-")

    def source(self) -> str:
        """The contract's source with the defect.

        Raises:
            ValueError: the passage is not there exactly once.
        """
        text = (contracts.FOLDER / f"{self.contract}.sol").read_text("utf-8")
        if text.count(self.old) != 1:
            raise ValueError(
                f"{self.defect}: expected its passage once, found it {text.count(self.old)} times"
            )
        return text.replace(self.old, self.new)


MUTANTS = (
    Mutant("anybody anchors", LOG, "if (department == 0) revert AnchorLogNotAllowed(msg.sender);", ""),
    Mutant(
        "a status account anchors",
        LOG,
        "departmentOf(msg.sender, ROLE_ANCHOR)",
        "departmentOf(msg.sender, 2)",
    ),
    Mutant(
        "a second writer is interleaved",
        LOG,
        "if (last != prevRoot) revert AnchorLogStale(last, prevRoot);",
        "",
    ),
    Mutant("a known root is anchored again", LOG, "if (known.seq != 0) return _same(known, size);", ""),
    Mutant("numbers have a gap", LOG, ".seq + 1;", ".seq + 2;"),
    Mutant("the head stays behind", LOG, "_heads[department] = root;", ""),
    Mutant(
        "an anchor is written for another",
        LOG,
        "_anchors[department][root] = Anchor(",
        "_anchors[8][root] = Anchor(",
    ),
    Mutant("a void root is confirmed", LOG, "if (known.voided) revert AnchorLogVoid(known.seq);", ""),
    Mutant("another size is confirmed", LOG, "if (known.size != size) revert", "if (size == 0) revert"),
    Mutant("an empty batch is anchored", LOG, "root == 0 || size == 0", "root == 0"),
    Mutant(
        "any department voids",
        LOG,
        "departmentOf(msg.sender, ROLE_STATUS) == department",
        "departmentOf(msg.sender, ROLE_STATUS) != 0",
    ),
    Mutant(
        "the anchoring account voids",
        LOG,
        "departmentOf(msg.sender, ROLE_STATUS) ==",
        "departmentOf(msg.sender, 1) ==",
    ),
    Mutant("a stranger voids for department nought", LOG, "department != 0 && registry", "registry"),
    Mutant("a voiding is said twice", LOG, "if (a.voided) revert AnchorLogVoid(a.seq);", ""),
    Mutant("a voiding does nothing", LOG, "a.voided = true;", ""),
    Mutant("voidings are not counted", LOG, "AnchorVoided(++voids,", "AnchorVoided(voids + 1,"),
    Mutant("a revoked licence is revived", LIST, "before == INVALID || (before", "(before"),
    Mutant("a superseded licence is revived", LIST, "(before == SUPERSEDED && status != INVALID)", "false"),
    Mutant(
        "a suspended licence stays so",
        LIST,
        "unlawful = before == INVALID",
        "unlawful = before == SUSPENDED || before == INVALID",
    ),
    Mutant("a status that no act leads to", LIST, "status > SUPERSEDED || ", ""),
    Mutant("any reason for any status", LIST, "_leadsTo(reason) != status", "_leadsTo(reason) > SUPERSEDED"),
    Mutant(
        "anybody changes a status",
        LIST,
        "registry.departmentOf(msg.sender, ROLE_STATUS) != list >> 32 || ",
        "",
    ),
    Mutant("another department changes a status", LIST, "ROLE_STATUS) != list >> 32", "ROLE_STATUS) == 0"),
    Mutant("a stranger changes for department nought", LIST, " || list >> 32 == 0", ""),
    Mutant("changes have a gap", LIST, "++_lists[list].changes", "_lists[list].changes += 2"),
    Mutant(
        "the same status again is a change", LIST, "changed = changed || next != current;", "changed = true;"
    ),
    Mutant(
        "the last word is not written",
        LIST,
        "        if (current != stored) _words[list][place] = current;\n    }",
        "    }",
    ),
    Mutant(
        "a word between is not written",
        LIST,
        "    " * 4 + "if (current != stored) _words[list][place] = current;\n",
        "",
    ),
    Mutant("a neighbour is wiped", LIST, "~(uint256(3) << shift)", "~(uint256(15) << shift)"),
    Mutant(
        "a place outside the list changes",
        LIST,
        "    " * 3 + "if (index >= size) revert StatusListOutside(index, size);\n",
        "",
    ),
    Mutant(
        "a place outside the list is valid",
        LIST,
        "_demandList(list);\n        if (index >= size) revert StatusListOutside(index, size);",
        "_demandList(list);",
    ),
    Mutant("a place twice in one act", LIST, "index <= indices[i - 1]", "index < indices[i - 1]"),
    Mutant("a list is opened over another", LIST, "++lists[department]", "(lists[department] = 1)"),
    Mutant(
        "a stranger opens a list", LIST, "if (department == 0) revert StatusListNotAllowed(msg.sender);", ""
    ),
    Mutant(
        "anybody binds an account",
        REGISTRY,
        "uint8 role, uint40 to) external onlyOwner",
        "uint8 role, uint40 to) external",
    ),
    Mutant(
        "anybody ends a key",
        REGISTRY,
        "endKey(bytes8 kid, uint40 to) external onlyOwner",
        "endKey(bytes8 kid, uint40 to) external",
    ),
    Mutant(
        "an account is bound anew",
        REGISTRY,
        "if (accounts[account].department != 0) revert IssuerRegistryKnown();",
        "",
    ),
    Mutant("nobody is an account", REGISTRY, " || account == address(0)", ""),
    Mutant(
        "a department is admitted anew",
        REGISTRY,
        "if (departments[id].to != 0) revert IssuerRegistryKnown();",
        "",
    ),
    Mutant(
        "a key is admitted anew", REGISTRY, "if (keys[kid].department != 0) revert IssuerRegistryKnown();", ""
    ),
    Mutant(
        "a definition is written anew", REGISTRY, "if (t.definition != 0) revert IssuerRegistryKnown();", ""
    ),
    Mutant(
        "an ended department gets keys",
        REGISTRY,
        "if (departments[id].to <= block.timestamp) revert",
        "if (id == 0) revert",
    ),
    Mutant("a key under a chosen id", REGISTRY, "sha256(abi.encodePacked(suite, x, y))", "x"),
    Mutant("a key without possession", REGISTRY, " || proof.length != 64", ""),
    Mutant("a presenting key for years", REGISTRY, "PRESENTING_TERM = 90 days", "PRESENTING_TERM = 900 days"),
    Mutant("an end moves later", REGISTRY, "end >= until || ", ""),
    Mutant("an end is backdated", REGISTRY, " || end < block.timestamp", ""),
    Mutant("a beginning is backdated", REGISTRY, "start < block.timestamp || ", ""),
    Mutant("an ended account acts", REGISTRY, "block.timestamp < a.to", "a.to != 0"),
    Mutant("an account of an ended department acts", REGISTRY, "block.timestamp < d.to", "d.to != 0"),
    Mutant("an account acts in any role", REGISTRY, "a.role == role && ", ""),
    Mutant("a department backdates a theft", REGISTRY, "!(own && at == 0)", "!own"),
    Mutant("a theft moves later", REGISTRY, "key.compromisedAt != 0 && time >= key.compromisedAt", "false"),
    Mutant("a theft in the future", REGISTRY, "time > block.timestamp || ", ""),
    Mutant("a change without its number", REGISTRY, "KeyEnded(++revision", "KeyEnded(revision + 1"),
    Mutant(
        "the council renounces",
        REGISTRY,
        "public view override onlyOwner {\n        revert IssuerRegistryNoRenouncing();",
        "public override onlyOwner {\n        super.renounceOwnership();",
    ),
)


def compile_mutants() -> dict[str, str]:
    """Creation code in hexadecimal by defect, and under a contract's own name the code without any: the control.

    Raises:
        ValueError: a mutant's passage is not there exactly once.
    """
    contracts.install()
    given = contracts.sources()
    for mutant in MUTANTS:
        given[f"{mutant}/{mutant.contract}.sol"] = {"content": mutant.source()}
        given[f"{mutant}/IIssuerRegistry.sol"] = given["IIssuerRegistry.sol"]
    made = contracts.compile_sources(given, _QUICK)["contracts"]
    wanted = [(str(mutant), f"{mutant}/{mutant.contract}.sol", mutant.contract) for mutant in MUTANTS]
    wanted += [(name, f"{name}.sol", name) for name in contracts.NAMES]
    return {key: made[file][name]["evm"]["bytecode"]["object"] for key, file, name in wanted}
