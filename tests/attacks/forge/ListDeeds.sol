// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Lists, Vm} from "./Faces.sol";
import {House} from "./House.sol";

/// @title What departments, thieves and strangers do to StatusList, and what must then be known of it
contract ListDeeds is House {
    struct List {
        uint64 id;
        uint32 size;
        uint64 changes;
    }

    uint8 internal constant VALID = 0;
    uint8 internal constant INVALID = 1;
    uint8 internal constant SUSPENDED = 2;
    uint8 internal constant SUPERSEDED = 3;
    /// @notice What each legal act leads to, by its number from 1: the table of docs/format.md.
    uint8[7] internal OUTCOMES = [INVALID, INVALID, INVALID, SUSPENDED, VALID, SUPERSEDED, SUPERSEDED];

    List[] public all;
    mapping(uint32 department => uint32) public opened;
    mapping(uint64 list => mapping(uint32 index => uint8)) public statuses;
    mapping(uint64 list => mapping(uint256 place => uint256)) public words;
    uint64[] private _revokedLists;
    uint32[] private _revokedIndices;
    uint64[] private _supersededLists;
    uint32[] private _supersededIndices;

    constructor() {
        _settle();
        open(0, 300);
        open(1, 300);
    }

    function count() external view returns (uint256) {
        return all.length;
    }

    function revokedCount() external view returns (uint256) {
        return _revokedLists.length;
    }

    function revoked(uint256 n) external view returns (uint64, uint32) {
        return (_revokedLists[n], _revokedIndices[n]);
    }

    function open(uint8 which, uint32 size) public {
        uint32 department = _department(which);
        size = size % 600 + 1;
        vm.warp(time);
        vm.recordLogs();
        vm.prank(accountOf[department][STATUS]);
        uint64 id = lists.createList(size);
        require(id == (uint64(department) << 32) + ++opened[department], "another number of a list");
        Vm.Log memory said = _logs(1)[0];
        require(uint256(said.topics[1]) == id && abi.decode(said.data, (uint32)) == size, "another list was opened");
        all.push(List(id, size, 0));
    }

    /// @dev Up to four licences in one act; those for which the act is unlawful are left out.
    function change(uint256 pick, uint8 act, uint32 start, uint8[4] calldata steps) external {
        List storage list = all[pick % all.length];
        act = act % 7 + 1;
        uint32[] memory indices = _lawful(list, OUTCOMES[act - 1], start, steps);
        _change(list, act, indices);
        _change(list, act, indices); // the same act again changes nothing
    }

    /// @dev A whole word and its neighbours, as when a shop chain is closed.
    function changeMany(uint256 pick, uint8 act, uint32 start) external {
        List storage list = all[pick % all.length];
        act = act % 7 + 1;
        uint8[4] memory steps = [uint8(127), 1, 127, 1];
        _change(list, act, _lawful(list, OUTCOMES[act - 1], start, steps));
    }

    function reinstate(uint256 pick, uint32 start) external {
        List storage list = all[pick % all.length];
        uint32[] memory one = new uint32[](1);
        one[0] = start % list.size;
        uint8 before = statuses[list.id][one[0]];
        if (before == INVALID || before == SUPERSEDED) return;
        _change(list, 4, one);
        _change(list, 5, one);
        require(lists.statusOf(list.id, one[0]) == VALID, "suspended, and cannot be reinstated");
    }

    function replaceAccount(uint8 which) external {
        _replace(_department(which), STATUS);
    }

    function wait(uint16 seconds_) external {
        _pass(seconds_);
    }

    /// @dev A licence that is invalid for good, and one lawful neighbour that must not change either.
    function reviveRevoked(uint256 pick, uint8 act) external {
        if (_revokedLists.length == 0) return;
        uint256 n = pick % _revokedLists.length;
        _unlawful(_revokedLists[n], _revokedIndices[n], act % 4 + 4);
    }

    function reviveSuperseded(uint256 pick, bool suspending) external {
        if (_supersededLists.length == 0) return;
        uint256 n = pick % _supersededLists.length;
        if (statuses[_supersededLists[n]][_supersededIndices[n]] != SUPERSEDED) return;
        _unlawful(_supersededLists[n], _supersededIndices[n], suspending ? 4 : 5);
    }

    function changeOutside(uint256 pick, uint8 act, uint32 over) external {
        List storage list = all[pick % all.length];
        uint32[] memory indices = new uint32[](1);
        indices[0] = over % 3 == 0 ? list.size : over < list.size ? over + list.size : over;
        _wrong(list.id, act % 7 + 1, indices, Lists.StatusListOutside.selector);
    }

    function changeUnknownList(uint8 which, uint8 act, uint32 number) external {
        uint32 department = _department(which);
        if (number != 0 && number <= opened[department]) number += opened[department];
        uint64 id = (uint64(department) << 32) | number;
        _wrong(id, act % 7 + 1, new uint32[](1), Lists.StatusListUnknown.selector);
    }

    function changeInDisorder(uint256 pick, uint32 index, uint32 step) external {
        List storage list = all[pick % all.length];
        uint32[] memory indices = new uint32[](2);
        indices[0] = index % list.size;
        if (statuses[list.id][indices[0]] == INVALID || statuses[list.id][indices[0]] == SUPERSEDED) return;
        indices[1] = indices[0] - step % (indices[0] + 1);
        _wrong(list.id, 4, indices, Lists.StatusListBadOrder.selector);
    }

    function changeWithoutReason(uint256 pick, uint8 status, uint8 reason) external {
        List storage list = all[pick % all.length];
        reason = reason % 16;
        if (reason >= 1 && reason <= 7 && OUTCOMES[reason - 1] == status) return;
        bytes memory call = abi.encodeCall(lists.change, (list.id, status, reason, new uint32[](1)));
        _refused(_owner(list.id), address(lists), call, Lists.StatusListBadReason.selector);
    }

    function changeAsStranger(uint256 pick, uint8 act, uint160 who) external {
        List storage list = all[pick % all.length];
        uint32 department = uint32(list.id >> 32);
        address by = who % 3 == 0 ? accountOf[_other(department)][STATUS] : _stranger(department, STATUS, who);
        bytes memory call = abi.encodeCall(lists.change, (list.id, OUTCOMES[act % 7], act % 7 + 1, new uint32[](1)));
        _refused(by, address(lists), call, Lists.StatusListNotAllowed.selector);
    }

    function openAsStranger(uint8 which, uint32 size, uint160 who) external {
        address by = _stranger(_department(which), STATUS, who);
        bytes memory call = abi.encodeCall(lists.createList, (size));
        _refused(by, address(lists), call, Lists.StatusListNotAllowed.selector);
    }

    function openNothing(uint8 which) external {
        bytes memory call = abi.encodeCall(lists.createList, (0));
        _refused(accountOf[_department(which)][STATUS], address(lists), call, Lists.StatusListBadSize.selector);
    }

    function _change(List storage list, uint8 act, uint32[] memory indices) private {
        uint8 status = OUTCOMES[act - 1];
        bool changed = _remember(list.id, status, indices);
        vm.warp(time);
        vm.recordLogs();
        vm.prank(_owner(list.id));
        lists.change(list.id, status, act, indices);
        Vm.Log[] memory said = _logs(changed ? 1 : 0);
        if (!changed) return;
        bytes32 expected = keccak256(abi.encode(++list.changes, status, act, indices));
        require(keccak256(said[0].data) == expected, "the change says something else");
        require(uint256(said[0].topics[1]) == list.id, "a change of another list");
    }

    function _remember(uint64 list, uint8 status, uint32[] memory indices) private returns (bool changed) {
        for (uint256 n = 0; n < indices.length; ++n) {
            uint32 index = indices[n];
            uint8 before = statuses[list][index];
            if (before == status) continue;
            changed = true;
            statuses[list][index] = status;
            // Independent of the contract's way: two bits are added and taken away by value.
            uint256 unit = 4 ** (index % 128);
            words[list][index / 128] = words[list][index / 128] - before * unit + status * unit;
            _note(list, index, status);
        }
    }

    function _note(uint64 list, uint32 index, uint8 status) private {
        if (status == INVALID) {
            _revokedLists.push(list);
            _revokedIndices.push(index);
        }
        if (status == SUPERSEDED) {
            _supersededLists.push(list);
            _supersededIndices.push(index);
        }
    }

    function _lawful(List storage list, uint8 status, uint32 start, uint8[4] memory steps)
        private view returns (uint32[] memory indices)
    {
        uint32[] memory found = new uint32[](5);
        uint256 number;
        uint32 index = start % list.size;
        for (uint256 n = 0; n < 5 && index < list.size; ++n) {
            uint8 before = statuses[list.id][index];
            bool lawful = before == status || before == VALID || before == SUSPENDED
                || (before == SUPERSEDED && status == INVALID);
            if (lawful) found[number++] = index;
            if (n < 4) index += uint32(steps[n]) + 1;
        }
        indices = new uint32[](number);
        for (uint256 n = 0; n < number; ++n) indices[n] = found[n];
    }

    function _unlawful(uint64 list, uint32 index, uint8 act) private {
        uint32[] memory indices = new uint32[](index == 0 ? 1 : 2);
        if (index > 0) indices[0] = index - 1;
        indices[indices.length - 1] = index;
        _wrong(list, act, indices, Lists.StatusListUnlawful.selector);
    }

    function _wrong(uint64 list, uint8 act, uint32[] memory indices, bytes4 reason) private {
        bytes memory call = abi.encodeCall(lists.change, (list, OUTCOMES[act - 1], act, indices));
        _refused(_owner(list), address(lists), call, reason);
    }

    function _owner(uint64 list) private view returns (address) {
        return accountOf[uint32(list >> 32)][STATUS];
    }
}
