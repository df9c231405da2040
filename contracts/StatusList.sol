// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IIssuerRegistry} from "./IIssuerRegistry.sol";

/// @title The status of every licence: two bits each
/// @notice Order and values are those of IETF Token Status List: 0 valid, 1 invalid for good, 2 suspended, 3 superseded;
///   128 entries a word, and the words little-endian are the list's bytes. A list's id holds its department's, so a
///   licence can name none but its issuer's. Warning: an unset entry reads as valid, so an unknown list or position
///   must revert, and does. *Expired* is arithmetic and never stored.
contract StatusList {
    struct List {
        uint32 size;
        uint64 changes;
    }

    uint8 private constant ROLE_STATUS = 2;
    uint8 private constant VALID = 0;
    uint8 private constant INVALID = 1;
    uint8 private constant SUSPENDED = 2;
    uint8 private constant SUPERSEDED = 3;

    /// @notice Who may change status is asked there, at each call.
    IIssuerRegistry public immutable registry;
    /// @notice How many lists a department has; their numbers are 1 to this.
    mapping(uint32 department => uint32) public lists;

    mapping(uint64 list => List) private _lists;
    mapping(uint64 list => mapping(uint256 place => uint256)) private _words;

    event ListCreated(uint64 indexed list, uint32 size);
    event StatusChanged(uint64 indexed list, uint64 change, uint8 status, uint8 reason, uint32[] indices);

    error StatusListNotAllowed(address sender);
    error StatusListUnknown(uint64 list);
    error StatusListBadSize();
    error StatusListBadReason(uint8 status, uint8 reason);
    error StatusListBadOrder();
    error StatusListOutside(uint32 index, uint32 size);
    error StatusListUnlawful(uint32 index, uint8 before, uint8 status);

    constructor(IIssuerRegistry registry_) {
        registry = registry_;
    }

    /// @notice Opens the next list of the sender's department.
    function createList(uint32 size) external returns (uint64 list) {
        uint32 department = registry.departmentOf(msg.sender, ROLE_STATUS);
        if (department == 0) revert StatusListNotAllowed(msg.sender);
        if (size == 0) revert StatusListBadSize();
        list = (uint64(department) << 32) | ++lists[department];
        _lists[list] = List(size, 0);
        emit ListCreated(list, size);
    }

    /// @notice One legal act on licences of one list.
    /// @param reason The act: 1 withdrawn, 2 revoked, 3 cancelled; 4 suspended; 5 reinstated; 6 renewed, 7 changed.
    /// @param indices Strictly ascending. Where the status is there already nothing changes.
    function change(uint64 list, uint8 status, uint8 reason, uint32[] calldata indices) external {
        if (registry.departmentOf(msg.sender, ROLE_STATUS) != list >> 32 || list >> 32 == 0) {
            revert StatusListNotAllowed(msg.sender);
        }
        // An act that does not exist leads to 255: no status, and wider than an entry. It would spill over its neighbours.
        if (status > SUPERSEDED || _leadsTo(reason) != status) revert StatusListBadReason(status, reason);
        if (_apply(list, status, indices)) {
            emit StatusChanged(list, ++_lists[list].changes, status, reason, indices);
        }
    }

    /// @notice The status of one entry. Reverts on an unknown list or position.
    function statusOf(uint64 list, uint32 index) external view returns (uint8) {
        _demandInside(list, index);
        return uint8(_words[list][index >> 7] >> (2 * (index & 127))) & 3;
    }

    /// @notice 128 entries at once: word `place` of a list.
    function word(uint64 list, uint256 place) external view returns (uint256) {
        _demandInside(list, place < 1 << 25 ? uint32(place << 7) : type(uint32).max);
        return _words[list][place];
    }

    /// @notice A list's size (0: there is none) and the number of changes so far.
    function listOf(uint64 list) external view returns (uint32 size, uint64 changes) {
        return (_lists[list].size, _lists[list].changes);
    }

    /// @dev Words are read and written once for all neighbours in the same word.
    function _apply(uint64 list, uint8 status, uint32[] calldata indices) private returns (bool changed) {
        uint32 size = _demandList(list);
        uint256 place = 0;
        uint256 current = 0;
        uint256 stored = 0;
        for (uint256 i = 0; i < indices.length; ++i) {
            uint32 index = indices[i];
            if (i > 0 && index <= indices[i - 1]) revert StatusListBadOrder();
            if (index >= size) revert StatusListOutside(index, size);
            if (i == 0 || index >> 7 != place) {
                if (current != stored) _words[list][place] = current;
                place = index >> 7;
                current = stored = _words[list][place];
            }
            uint256 next = _with(current, index, status);
            changed = changed || next != current;
            current = next;
        }
        if (current != stored) _words[list][place] = current;
    }

    function _with(uint256 current, uint32 index, uint8 status) private pure returns (uint256) {
        uint256 shift = 2 * (index & 127);
        uint8 before = uint8(current >> shift) & 3;
        if (before == status) return current;
        bool unlawful = before == INVALID || (before == SUPERSEDED && status != INVALID);
        if (unlawful) revert StatusListUnlawful(index, before, status);
        return (current & ~(uint256(3) << shift)) | (uint256(status) << shift);
    }

    function _leadsTo(uint8 reason) private pure returns (uint8) {
        if (reason >= 1 && reason <= 3) return INVALID;
        if (reason == 4) return SUSPENDED;
        if (reason == 5) return VALID;
        if (reason == 6 || reason == 7) return SUPERSEDED;
        return type(uint8).max;
    }

    function _demandList(uint64 list) private view returns (uint32 size) {
        size = _lists[list].size;
        if (size == 0) revert StatusListUnknown(list);
    }

    function _demandInside(uint64 list, uint32 index) private view {
        uint32 size = _demandList(list);
        if (index >= size) revert StatusListOutside(index, size);
    }
}
