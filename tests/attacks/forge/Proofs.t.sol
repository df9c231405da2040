// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {House} from "./House.sol";

interface Svm {
    function createCalldata(string calldata contractName) external pure returns (bytes memory);
    function createAddress(string calldata name) external pure returns (address);
    function createBytes32(string calldata name) external pure returns (bytes32);
    function createUint(uint256 bits, string calldata name) external pure returns (uint256);
}

/// @title Proven for every sender and every value within the bounds, not tried for some
/// @dev Run by halmos: functions named check_. A view may answer; nothing may change.
contract Proofs is House {
    Svm internal constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));
    bytes32 private constant ROOT = keccak256("root");
    bytes8 private constant KID = 0x0102030405060708;
    uint256 private constant KEYS_SLOT = 3;
    uint64 private constant LIST = (uint64(SEVEN) << 32) | 1;

    function setUp() external {
        _settle();
        _putKey();
        vm.prank(accountOf[SEVEN][ANCHOR]);
        log.anchor(0, ROOT, 5);
        vm.prank(accountOf[SEVEN][STATUS]);
        lists.createList(256);
        _change(3, 1, 2);
    }

    function check_nobodyButTheCouncilChangesTheRegistry(address who) external {
        vm.assume(who != address(0) && who != council && who != accountOf[SEVEN][STATUS]);
        bytes32 before = _registryState();
        bytes memory call = svm.createCalldata("Registry");
        vm.prank(who);
        (bool accepted,) = address(registry).call(call);
        accepted;
        assert(_registryState() == before);
    }

    function check_aDepartmentMayOnlyCallItsKeyStolen(bytes4 selector) external {
        vm.assume(selector != registry.compromiseKey.selector);
        uint64 before = registry.revision();
        bytes memory call = svm.createCalldata("Registry");
        vm.assume(bytes4(call) == selector);
        vm.prank(accountOf[SEVEN][STATUS]);
        (bool accepted,) = address(registry).call(call);
        accepted;
        assert(registry.revision() == before);
    }

    function check_onlyTheAnchoringAccountAnchors(address who, bytes32 previous, bytes32 root, uint32 size) external {
        vm.assume(who != accountOf[SEVEN][ANCHOR] && who != accountOf[EIGHT][ANCHOR]);
        vm.prank(who);
        (bool accepted,) = address(log).call(abi.encodeCall(log.anchor, (previous, root, size)));
        assert(!accepted);
    }

    function check_onlyCouncilOrStatusAccountVoid(address who, uint32 department, bytes32 root, uint8 reason) external {
        vm.assume(who != council && who != accountOf[SEVEN][STATUS] && who != accountOf[EIGHT][STATUS]);
        vm.prank(who);
        (bool accepted,) = address(log).call(abi.encodeCall(log.voidAnchor, (department, root, reason)));
        assert(!accepted);
    }

    function check_onlyTheStatusAccountChangesItsLists(address who, uint64 list, uint8 status, uint8 reason, uint32 index)
        external
    {
        vm.assume(who != accountOf[SEVEN][STATUS] && who != accountOf[EIGHT][STATUS]);
        vm.prank(who);
        (bool accepted,) = address(lists).call(abi.encodeCall(lists.change, (list, status, reason, _one(index))));
        assert(!accepted);
    }

    function check_noOtherDepartmentChangesAList(uint8 status, uint8 reason, uint32 index) external {
        vm.prank(accountOf[EIGHT][STATUS]);
        (bool accepted,) = address(lists).call(abi.encodeCall(lists.change, (LIST, status, reason, _one(index))));
        assert(!accepted);
    }

    function check_aKnownRootIsNeverAnchoredAgain(bytes32 previous, uint32 size) external {
        vm.prank(accountOf[SEVEN][ANCHOR]);
        (bool accepted,) = address(log).call(abi.encodeCall(log.anchor, (previous, ROOT, size)));
        assert(accepted == (size == 5));
        (uint64 seq, bytes32 root) = log.head(SEVEN);
        assert(seq == 1 && root == ROOT);
    }

    function check_anAnchorNeverChanges(bytes32 previous, bytes32 root, uint32 size, bool other) external {
        vm.prank(accountOf[other ? EIGHT : SEVEN][ANCHOR]);
        (bool accepted,) = address(log).call(abi.encodeCall(log.anchor, (previous, root, size)));
        accepted;
        (uint64 seq, uint32 kept, uint40 time_, bool voided) = log.anchorOf(SEVEN, ROOT);
        assert(seq == 1 && kept == 5 && time_ == time && !voided);
    }

    function check_theSameStatusActAgainChangesNothing(uint8 status, uint8 reason, uint32 index) external {
        if (!_change(index, status, reason)) return;
        (, uint64 changes) = lists.listOf(LIST);
        uint256 word = lists.word(LIST, index >> 7);
        assert(_change(index, status, reason));
        (, uint64 again) = lists.listOf(LIST);
        assert(again == changes && lists.word(LIST, index >> 7) == word);
    }

    function check_whatIsRevokedStaysRevoked(uint8 status, uint8 reason, uint32 index) external {
        _change(index, status, reason);
        assert(lists.statusOf(LIST, 3) == 1);
    }

    function check_onlyTheNamedEntryChanges(uint8 status, uint8 reason, uint32 index) external {
        vm.assume(index < 128);
        uint256 before = lists.word(LIST, 0);
        _change(index, status, reason);
        uint256 mask = uint256(3) << (2 * index);
        assert(lists.word(LIST, 0) & ~mask == before & ~mask);
    }

    /// @dev Written as addKey would write it: the prover's SHA-256 cannot take 65 bytes.
    function _putKey() private {
        uint256 value = uint256(SEVEN) | 1 << 32 | 1 << 40 | uint256(time) << 48 | uint256(FOREVER) << 88;
        vm.store(address(registry), keccak256(abi.encode(KID, KEYS_SLOT)), bytes32(value));
        (uint32 department, uint8 suite, uint8 usage, uint40 from, uint40 to, uint40 since) = registry.keys(KID);
        assert(department == SEVEN && suite == 1 && usage == 1 && from == time && to == FOREVER && since == 0);
    }

    function _change(uint32 index, uint8 status, uint8 reason) private returns (bool accepted) {
        vm.prank(accountOf[SEVEN][STATUS]);
        (accepted,) = address(lists).call(abi.encodeCall(lists.change, (LIST, status, reason, _one(index))));
    }

    function _one(uint32 index) private pure returns (uint32[] memory indices) {
        indices = new uint32[](1);
        indices[0] = index;
    }

    function _registryState() private view returns (bytes32) {
        return keccak256(abi.encode(registry.revision(), registry.owner(), registry.pendingOwner()));
    }
}
