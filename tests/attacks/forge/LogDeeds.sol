// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Anchors, Vm} from "./Faces.sol";
import {House} from "./House.sol";

/// @title What departments, council, thieves and strangers do to AnchorLog, and what must then be known of it
contract LogDeeds is House {
    struct Anchor {
        bytes32 root;
        uint32 size;
        uint40 time;
        bool voided;
    }

    uint64 public voids;
    mapping(uint32 department => Anchor[]) public anchors;
    mapping(uint32 department => mapping(bytes32 root => uint64)) public numbers;

    constructor() {
        _settle();
    }

    function count(uint32 department) public view returns (uint64) {
        return uint64(anchors[department].length);
    }

    function last(uint32 department) public view returns (bytes32) {
        uint64 number = count(department);
        return number == 0 ? bytes32(0) : anchors[department][number - 1].root;
    }

    /// @dev Roots come from a small pool, the same for both departments: they meet each other's, and their own again.
    function anchor(uint8 which, uint8 pick, uint32 size) external {
        uint32 department = _department(which);
        bytes32 root = bytes32(uint256(pick) % 64 + 1);
        if (size == 0) size = 1;
        vm.warp(time);
        if (numbers[department][root] != 0) return _again(department, numbers[department][root]);
        bytes32 previous = last(department);
        vm.recordLogs();
        vm.prank(accountOf[department][ANCHOR]);
        uint64 seq = log.anchor(previous, root, size);
        _demandAnchored(department, root, abi.encode(previous, size, time));
        anchors[department].push(Anchor(root, size, time, false));
        numbers[department][root] = count(department);
        require(seq == count(department), "numbers have a gap");
    }

    /// @dev The worker repeats a call whose answer it did not get, whatever was anchored in between.
    function repeat(uint8 which, uint64 pick) external {
        uint32 department = _department(which);
        if (count(department) == 0) return;
        _again(department, pick % count(department) + 1);
    }

    function voidAnchor(uint8 which, uint64 pick, uint8 reason, bool byCouncil) external {
        uint32 department = _department(which);
        if (count(department) == 0) return;
        uint64 seq = pick % count(department) + 1;
        Anchor storage a = anchors[department][seq - 1];
        address by = byCouncil ? council : accountOf[department][STATUS];
        bytes memory call = abi.encodeCall(log.voidAnchor, (department, a.root, reason));
        if (a.voided) return _refused(by, address(log), call, Anchors.AnchorLogVoid.selector);
        vm.recordLogs();
        vm.prank(by);
        log.voidAnchor(department, a.root, reason);
        a.voided = true;
        bytes32 said = keccak256(abi.encode(++voids, a.root, reason));
        require(keccak256(_logs(1)[0].data) == said, "the voiding says something else");
    }

    function replaceAccount(uint8 which, bool anchoring) external {
        _replace(_department(which), anchoring ? ANCHOR : STATUS);
    }

    function wait(uint16 seconds_) external {
        _pass(seconds_);
    }

    function anchorOnAnotherHead(uint8 which, bytes32 previous, bytes32 root, uint32 size) external {
        uint32 department = _department(which);
        if (previous == last(department)) previous = ~previous;
        bytes memory call = abi.encodeCall(log.anchor, (previous, _fresh(root), size == 0 ? 1 : size));
        _refused(accountOf[department][ANCHOR], address(log), call, Anchors.AnchorLogStale.selector);
    }

    function anchorInAnotherSize(uint8 which, uint64 pick, uint32 size) external {
        uint32 department = _department(which);
        if (count(department) == 0) return;
        Anchor memory a = anchors[department][pick % count(department)];
        if (size == a.size || size == 0) size = a.size ^ 1024;
        if (size == 0) return;
        bytes4 reason = a.voided ? Anchors.AnchorLogVoid.selector : Anchors.AnchorLogOtherSize.selector;
        bytes memory call = abi.encodeCall(log.anchor, (last(department), a.root, size));
        _refused(accountOf[department][ANCHOR], address(log), call, reason);
    }

    function anchorNothing(uint8 which, bytes32 root, uint32 size, bool noRoot) external {
        uint32 department = _department(which);
        bytes memory call =
            abi.encodeCall(log.anchor, (last(department), noRoot ? bytes32(0) : root, noRoot ? size : 0));
        _refused(accountOf[department][ANCHOR], address(log), call, Anchors.AnchorLogEmpty.selector);
    }

    function anchorAsStranger(uint8 which, bytes32 root, uint32 size, uint160 pick) external {
        uint32 department = _department(which);
        bytes memory call = abi.encodeCall(log.anchor, (last(department), root, size));
        address by = _stranger(department, ANCHOR, pick);
        _refused(by, address(log), call, Anchors.AnchorLogNotAllowed.selector);
    }

    function voidAsStranger(uint8 which, uint64 pick, uint160 who) external {
        uint32 department = _department(which);
        if (count(department) == 0) return;
        address by = who % 3 == 0 ? accountOf[_other(department)][STATUS] : _stranger(department, STATUS, who);
        if (by == council) by = accountOf[department][ANCHOR];
        bytes32 root = anchors[department][pick % count(department)].root;
        bytes memory call = abi.encodeCall(log.voidAnchor, (department, root, 1));
        _refused(by, address(log), call, Anchors.AnchorLogNotAllowed.selector);
    }

    function voidWhatIsNotThere(uint8 which, bytes32 root) external {
        bytes memory call = abi.encodeCall(log.voidAnchor, (_department(which), _fresh(root), 1));
        _refused(council, address(log), call, Anchors.AnchorLogUnknown.selector);
    }

    function _again(uint32 department, uint64 seq) private {
        Anchor memory a = anchors[department][seq - 1];
        bytes32 previous = seq == 1 ? bytes32(0) : anchors[department][seq - 2].root;
        bytes memory call = abi.encodeCall(log.anchor, (previous, a.root, a.size));
        address by = accountOf[department][ANCHOR];
        if (a.voided) return _refused(by, address(log), call, Anchors.AnchorLogVoid.selector);
        vm.recordLogs();
        vm.prank(by);
        require(log.anchor(previous, a.root, a.size) == seq, "a repeated call got another number");
        _logs(0);
    }

    function _demandAnchored(uint32 department, bytes32 root, bytes memory data) private {
        Vm.Log memory said = _logs(1)[0];
        require(said.topics[0] == Anchors.Anchored.selector, "another event");
        require(uint256(said.topics[1]) == department, "another department");
        require(uint256(said.topics[2]) == count(department) + 1, "another number");
        require(said.topics[3] == root, "another root");
        require(keccak256(said.data) == keccak256(data), "another previous root, size or time");
    }

    function _fresh(bytes32 root) private pure returns (bytes32) {
        return bytes32(uint256(root) | 1 << 255);
    }
}
