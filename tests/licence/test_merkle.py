"""The batch's tree is RFC 9162's."""

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence import merkle
from licence.errors import InclusionError

# The eight entries and their roots of the Certificate Transparency reference vectors (RFC 6962 trees of 1 to 8).
CT_ENTRIES = [
    bytes.fromhex(h)
    for h in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(2, "big")) for number in range(count)]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_rfc_6962(size: int) -> None:
    assert merkle.root([merkle.leaf_hash(entry) for entry in CT_ENTRIES[:size]]).hex() == CT_ROOTS[size - 1]


def test_roots_of_1_to_300_leaves_agree_with_an_independent_tree() -> None:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for number in range(300):
        tree.append_entry(number.to_bytes(2, "big"))
        assert merkle.root(leaves(number + 1)) == tree.get_root()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 13, 64, 65, 300])
def test_every_leaf_proves_its_own_position_and_no_other(size: int) -> None:
    batch = leaves(size)
    for position in range(size):
        path = merkle.proof(batch, position)
        assert merkle.root_from(batch[position], position, size, path) == merkle.root(batch)
        for other in {0, size - 1, (position + 1) % size} - {position}:
            assert not proves(batch[position], other, size, path, merkle.root(batch))


def proves(leaf: bytes, position: int, size: int, path: tuple[bytes, ...], root: bytes) -> bool:
    try:
        return merkle.root_from(leaf, position, size, path) == root
    except InclusionError:
        return False


@given(st.integers(2, 64), st.data())
def test_a_proof_of_another_length_is_refused(size: int, data: st.DataObject) -> None:
    batch = leaves(size)
    position = data.draw(st.integers(0, size - 1))
    path = merkle.proof(batch, position)
    for wrong in (path[:-1], (*path, bytes(32))):
        with pytest.raises(InclusionError):
            merkle.root_from(batch[position], position, size, wrong)


def test_an_inner_node_does_not_pass_as_a_leaf() -> None:
    batch = leaves(4)
    inner = merkle.node_hash(batch[0], batch[1])
    assert merkle.leaf_hash(batch[0] + batch[1]) != inner
    with pytest.raises(InclusionError):
        merkle.root_from(inner, 0, 4, [merkle.node_hash(batch[2], batch[3])])


def test_an_odd_last_leaf_is_not_doubled() -> None:
    batch = leaves(3)
    assert merkle.root(batch) != merkle.root([*batch, batch[2]])


def test_a_position_outside_the_batch_is_refused() -> None:
    with pytest.raises(InclusionError):
        merkle.root_from(leaves(1)[0], 1, 1, [])
    with pytest.raises(IndexError):
        merkle.proof(leaves(3), 3)


def test_an_empty_batch_has_no_root() -> None:
    with pytest.raises(ValueError, match="at least one"):
        merkle.root([])
