// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IIssuerRegistry} from "./IIssuerRegistry.sol";

/// @title What each department issued, in order: the Merkle roots of its batches
/// @notice Append-only and gap-free for each department. A root belongs to the department whose account anchored it:
///   were roots shared, another department could take one first and its owner's licences would never be anchored.
contract AnchorLog {
    struct Anchor {
        uint64 seq;
        uint40 time;
        uint32 size;
        bool voided;
    }

    uint8 private constant ROLE_ANCHOR = 1;
    uint8 private constant ROLE_STATUS = 2;

    /// @notice Who may anchor is asked there, at each call.
    IIssuerRegistry public immutable registry;
    /// @notice Counts every voiding, without gaps.
    uint64 public voids;

    mapping(uint32 department => bytes32 root) private _heads;
    mapping(uint32 department => mapping(bytes32 root => Anchor)) private _anchors;

    event Anchored(
        uint32 indexed department, uint64 indexed seq, bytes32 indexed root, bytes32 prevRoot, uint32 size, uint40 time
    );
    event AnchorVoided(
        uint64 number, uint32 indexed department, uint64 indexed seq, bytes32 root, uint8 reason
    );

    error AnchorLogNotAllowed(address sender);
    error AnchorLogEmpty();
    error AnchorLogStale(bytes32 head, bytes32 prevRoot);
    error AnchorLogOtherSize(uint32 known, uint32 size);
    error AnchorLogVoid(uint64 seq);
    error AnchorLogUnknown();

    constructor(IIssuerRegistry registry_) {
        registry = registry_;
    }

    /// @notice Appends a batch's root to the sender's department. A known root of the same size changes nothing, so a
    ///   repeated call is harmless.
    /// @param prevRoot The department's last root (0: none): a second writer is refused instead of interleaved.
    /// @param size Number of leaves under the root.
    /// @return seq The anchor's number, from 1.
    function anchor(bytes32 prevRoot, bytes32 root, uint32 size) external returns (uint64 seq) {
        uint32 department = registry.departmentOf(msg.sender, ROLE_ANCHOR);
        if (department == 0) revert AnchorLogNotAllowed(msg.sender);
        if (root == 0 || size == 0) revert AnchorLogEmpty();
        Anchor memory known = _anchors[department][root];
        if (known.seq != 0) return _same(known, size);
        bytes32 last = _heads[department];
        if (last != prevRoot) revert AnchorLogStale(last, prevRoot);
        seq = _anchors[department][last].seq + 1;
        _anchors[department][root] = Anchor(seq, uint40(block.timestamp), size, false);
        _heads[department] = root;
        emit Anchored(department, seq, root, prevRoot, size, uint40(block.timestamp));
    }

    /// @notice Declares, for good, that an anchor does not count: the answer to a rogue batch. Work goes on after it.
    /// @dev By the council, or by a status account of the department: never by the account that anchored.
    function voidAnchor(uint32 department, bytes32 root, uint8 reason) external {
        bool own = department != 0 && registry.departmentOf(msg.sender, ROLE_STATUS) == department;
        if (!own && msg.sender != registry.owner()) revert AnchorLogNotAllowed(msg.sender);
        Anchor storage a = _anchors[department][root];
        if (a.seq == 0) revert AnchorLogUnknown();
        if (a.voided) revert AnchorLogVoid(a.seq);
        a.voided = true;
        emit AnchorVoided(++voids, department, a.seq, root, reason);
    }

    /// @notice A department's last anchor: its number and root; zeros before the first.
    function head(uint32 department) external view returns (uint64 seq, bytes32 root) {
        root = _heads[department];
        seq = _anchors[department][root].seq;
    }

    /// @notice What is known of a root of a department; number 0: nothing.
    function anchorOf(uint32 department, bytes32 root)
        external view returns (uint64 seq, uint32 size, uint40 time, bool voided)
    {
        Anchor memory a = _anchors[department][root];
        return (a.seq, a.size, a.time, a.voided);
    }

    function _same(Anchor memory known, uint32 size) private pure returns (uint64) {
        if (known.voided) revert AnchorLogVoid(known.seq);
        if (known.size != size) revert AnchorLogOtherSize(known.size, size);
        return known.seq;
    }
}
