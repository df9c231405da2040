// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The few orders of forge that the attacks need
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function prank(address sender) external;
    function warp(uint256 time) external;
    function store(address target, bytes32 slot, bytes32 value) external;
    function assume(bool lawful) external;
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function envBytes(string calldata name) external view returns (bytes memory);
}

/// @title What the attacks call of IssuerRegistry
interface Registry {
    error IssuerRegistryNoRenouncing();
    error IssuerRegistryBadWindow(uint40 from, uint40 to);
    error IssuerRegistryEndMayOnlyFall(uint40 until, uint40 to);
    error IssuerRegistryKnown();
    error IssuerRegistryUnknown();
    error IssuerRegistryBadValue();
    error IssuerRegistryNotAllowed(address sender);
    error OwnableUnauthorizedAccount(address account);
    error OwnableInvalidOwner(address owner);

    function networkId() external view returns (bytes32);
    function revision() external view returns (uint64);
    function owner() external view returns (address);
    function pendingOwner() external view returns (address);
    function departments(uint32 id) external view returns (uint40 from, uint40 to);
    function keys(bytes8 kid)
        external view
        returns (uint32 department, uint8 suite, uint8 usage, uint40 from, uint40 to, uint40 compromisedAt);
    function accounts(address account) external view returns (uint32 department, uint8 role, uint40 from, uint40 to);
    function departmentOf(address account, uint8 role) external view returns (uint32);
    function typeOf(uint32 department, string calldata typeCode, uint16 version)
        external view returns (bytes32 definition, uint40 from, uint40 to);
    function admitDepartment(
        uint32 id, uint40 from, string calldata code, string calldata nameZh, string calldata nameEn,
        string calldata uri
    ) external;
    function describeDepartment(
        uint32 id, string calldata code, string calldata nameZh, string calldata nameEn, string calldata uri
    ) external;
    function endDepartment(uint32 id, uint40 to) external;
    function addKey(
        uint32 department, uint8 suite, uint8 usage, bytes32 x, bytes32 y, uint40 from, uint40 to,
        bytes calldata proof
    ) external;
    function endKey(bytes8 kid, uint40 to) external;
    function compromiseKey(bytes8 kid, uint40 since) external;
    function permitType(
        uint32 department, string calldata typeCode, uint16 version, bytes32 definition, uint40 from, uint40 to
    ) external;
    function endType(uint32 department, string calldata typeCode, uint16 version, uint40 to) external;
    function bindAccount(address account, uint32 department, uint8 role, uint40 to) external;
    function endAccount(address account, uint40 to) external;
    function multicall(bytes[] calldata calls) external returns (bytes[] memory);
    function renounceOwnership() external;
    function transferOwnership(address council) external;
    function acceptOwnership() external;
}

/// @title What the attacks call of AnchorLog
interface Anchors {
    event Anchored(
        uint32 indexed department, uint64 indexed seq, bytes32 indexed root, bytes32 prevRoot, uint32 size, uint40 time
    );
    event AnchorVoided(uint64 number, uint32 indexed department, uint64 indexed seq, bytes32 root, uint8 reason);

    error AnchorLogNotAllowed(address sender);
    error AnchorLogEmpty();
    error AnchorLogStale(bytes32 head, bytes32 prevRoot);
    error AnchorLogOtherSize(uint32 known, uint32 size);
    error AnchorLogVoid(uint64 seq);
    error AnchorLogUnknown();

    function registry() external view returns (address);
    function voids() external view returns (uint64);
    function head(uint32 department) external view returns (uint64 seq, bytes32 root);
    function anchorOf(uint32 department, bytes32 root)
        external view returns (uint64 seq, uint32 size, uint40 time, bool voided);
    function anchor(bytes32 prevRoot, bytes32 root, uint32 size) external returns (uint64 seq);
    function voidAnchor(uint32 department, bytes32 root, uint8 reason) external;
}

/// @title What the attacks call of StatusList
interface Lists {
    event ListCreated(uint64 indexed list, uint32 size);
    event StatusChanged(uint64 indexed list, uint64 change, uint8 status, uint8 reason, uint32[] indices);

    error StatusListNotAllowed(address sender);
    error StatusListUnknown(uint64 list);
    error StatusListBadSize();
    error StatusListBadReason(uint8 status, uint8 reason);
    error StatusListBadOrder();
    error StatusListOutside(uint32 index, uint32 size);
    error StatusListUnlawful(uint32 index, uint8 before, uint8 status);

    function registry() external view returns (address);
    function lists(uint32 department) external view returns (uint32);
    function listOf(uint64 list) external view returns (uint32 size, uint64 changes);
    function statusOf(uint64 list, uint32 index) external view returns (uint8);
    function word(uint64 list, uint256 place) external view returns (uint256);
    function createList(uint32 size) external returns (uint64 list);
    function change(uint64 list, uint8 status, uint8 reason, uint32[] calldata indices) external;
}
