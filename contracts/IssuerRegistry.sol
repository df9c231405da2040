// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {IIssuerRegistry} from "./IIssuerRegistry.sol";

/// @title Who may issue which licences, with which keys, from when to when
/// @notice The owner is the council that admits departments. Every fact holds for a half-open window [from, to): it
///   begins now or later, and its end may only fall, never below now. So nothing can be revived or backdated.
///   No personal data, ever: departments and their keys are public bodies.
contract IssuerRegistry is IIssuerRegistry, Ownable2Step, Multicall {
    struct Window {
        uint40 from;
        uint40 to;
    }

    struct Key {
        uint32 department;
        uint8 suite;
        uint8 usage;
        uint40 from;
        uint40 to;
        uint40 compromisedAt; // 0: never
    }

    struct Account {
        uint32 department;
        uint8 role;
        uint40 from;
        uint40 to;
    }

    struct TypeVersion {
        bytes32 definition;
        Window window;
    }

    uint8 public constant SUITE_ES256 = 1;
    uint8 public constant USAGE_ISSUE = 1;
    uint8 public constant USAGE_PRESENT = 2;
    uint8 public constant ROLE_ANCHOR = 1;
    uint8 public constant ROLE_STATUS = 2;
    uint40 private constant PRESENTING_TERM = 90 days;

    /// @notice Random, and part of all that is signed: a signature for one network is worth nothing on another.
    bytes32 public immutable networkId;
    /// @notice Counts every change, without gaps: each event carries its number.
    uint64 public revision;

    mapping(uint32 department => Window) public departments;
    mapping(bytes8 kid => Key) public keys;
    mapping(address account => Account) public accounts;
    mapping(uint32 department => mapping(bytes32 typeHash => mapping(uint16 version => TypeVersion))) private _types;

    event DepartmentAdmitted(uint64 revision, uint32 indexed department, uint40 from);
    event DepartmentDescribed(
        uint64 revision, uint32 indexed department, string code, string nameZh, string nameEn, string uri
    );
    event DepartmentEnded(uint64 revision, uint32 indexed department, uint40 to);
    event KeyAdded(
        uint64 revision, uint32 indexed department, bytes8 indexed kid, uint8 suite, uint8 usage,
        bytes32 x, bytes32 y, uint40 from, uint40 to, bytes proof
    );
    event KeyEnded(uint64 revision, bytes8 indexed kid, uint40 to);
    event KeyCompromised(uint64 revision, bytes8 indexed kid, uint40 at);
    event TypePermitted(
        uint64 revision, uint32 indexed department, string typeCode, uint16 version, bytes32 definition,
        uint40 from, uint40 to
    );
    event TypeEnded(uint64 revision, uint32 indexed department, string typeCode, uint16 version, uint40 to);
    event AccountBound(
        uint64 revision, uint32 indexed department, address indexed account, uint8 role, uint40 from, uint40 to
    );
    event AccountEnded(uint64 revision, address indexed account, uint40 to);

    error IssuerRegistryNoRenouncing();
    error IssuerRegistryBadWindow(uint40 from, uint40 to);
    error IssuerRegistryEndMayOnlyFall(uint40 until, uint40 to);
    error IssuerRegistryKnown();
    error IssuerRegistryUnknown();
    error IssuerRegistryBadValue();
    error IssuerRegistryNotAllowed(address sender);

    constructor(address council, bytes32 networkId_) Ownable(council) {
        if (networkId_ == 0) revert IssuerRegistryBadValue();
        networkId = networkId_;
    }

    /// @notice Admits a department, from `from` on (0: this block).
    /// @param uri Where its public files are found.
    function admitDepartment(
        uint32 id, uint40 from, string calldata code, string calldata nameZh, string calldata nameEn,
        string calldata uri
    ) external onlyOwner {
        if (id == 0) revert IssuerRegistryBadValue();
        if (departments[id].to != 0) revert IssuerRegistryKnown();
        departments[id] = _window(from, type(uint40).max);
        emit DepartmentAdmitted(++revision, id, departments[id].from);
        emit DepartmentDescribed(++revision, id, code, nameZh, nameEn, uri);
    }

    /// @notice Says anew how a department is called and where its public files are.
    function describeDepartment(
        uint32 id, string calldata code, string calldata nameZh, string calldata nameEn, string calldata uri
    ) external onlyOwner {
        _demandDepartment(id);
        emit DepartmentDescribed(++revision, id, code, nameZh, nameEn, uri);
    }

    /// @notice Ends a department's admission at `to` (0: now).
    function endDepartment(uint32 id, uint40 to) external onlyOwner {
        departments[id].to = _earlier(departments[id].to, to);
        emit DepartmentEnded(++revision, id, departments[id].to);
    }

    /// @notice Admits a key. Its id is computed here, so it can be neither chosen nor registered twice.
    /// @param proof The key's signature over a statement of possession, checked by the council and by any auditor.
    function addKey(
        uint32 department, uint8 suite, uint8 usage, bytes32 x, bytes32 y, uint40 from, uint40 to,
        bytes calldata proof
    ) external onlyOwner {
        _demandDepartment(department);
        if (suite != SUITE_ES256 || usage < USAGE_ISSUE || usage > USAGE_PRESENT || proof.length != 64) {
            revert IssuerRegistryBadValue();
        }
        bytes8 kid = bytes8(sha256(abi.encodePacked(suite, x, y)));
        if (keys[kid].department != 0) revert IssuerRegistryKnown();
        Window memory w = _window(from, to);
        if (usage == USAGE_PRESENT && w.to - w.from > PRESENTING_TERM) revert IssuerRegistryBadWindow(w.from, w.to);
        keys[kid] = Key(department, suite, usage, w.from, w.to, 0);
        emit KeyAdded(++revision, department, kid, suite, usage, x, y, w.from, w.to, proof);
    }

    /// @notice Ends a key at `to` (0: now). What was anchored before stays good.
    function endKey(bytes8 kid, uint40 to) external onlyOwner {
        keys[kid].to = _earlier(keys[kid].to, to);
        emit KeyEnded(++revision, kid, keys[kid].to);
    }

    /// @notice Says from when on a key must count as stolen; this only ever moves earlier.
    /// @dev A department may say now (0); only the council a past time, for backdating would kill honest licences.
    function compromiseKey(bytes8 kid, uint40 at) external {
        Key storage key = keys[kid];
        if (key.department == 0) revert IssuerRegistryUnknown();
        // Departments are compared here, not times:
        // slither-disable-next-line incorrect-equality
        bool own = departmentOf(msg.sender, ROLE_STATUS) == key.department;
        if (msg.sender != owner() && !(own && at == 0)) revert IssuerRegistryNotAllowed(msg.sender);
        uint40 time = at == 0 ? uint40(block.timestamp) : at;
        if (time > block.timestamp || time < key.from) revert IssuerRegistryBadValue();
        if (key.compromisedAt != 0 && time >= key.compromisedAt) {
            revert IssuerRegistryEndMayOnlyFall(key.compromisedAt, time);
        }
        key.compromisedAt = time;
        emit KeyCompromised(++revision, kid, time);
    }

    /// @notice Lets a department issue one version of a type; its definition's SHA-256 is written once and for all.
    function permitType(
        uint32 department, string calldata typeCode, uint16 version, bytes32 definition, uint40 from, uint40 to
    ) external onlyOwner {
        _demandDepartment(department);
        TypeVersion storage t = _types[department][keccak256(bytes(typeCode))][version];
        if (t.definition != 0) revert IssuerRegistryKnown();
        if (definition == 0 || version == 0 || bytes(typeCode).length == 0) revert IssuerRegistryBadValue();
        t.definition = definition;
        t.window = _window(from, to);
        emit TypePermitted(++revision, department, typeCode, version, definition, t.window.from, t.window.to);
    }

    /// @notice Ends the permission at `to` (0: now).
    function endType(uint32 department, string calldata typeCode, uint16 version, uint40 to) external onlyOwner {
        TypeVersion storage t = _types[department][keccak256(bytes(typeCode))][version];
        t.window.to = _earlier(t.window.to, to);
        emit TypeEnded(++revision, department, typeCode, version, t.window.to);
    }

    /// @notice Binds an account to one department and one role for ever, from this block until `to`.
    function bindAccount(address account, uint32 department, uint8 role, uint40 to) external onlyOwner {
        _demandDepartment(department);
        if (role < ROLE_ANCHOR || role > ROLE_STATUS || account == address(0)) revert IssuerRegistryBadValue();
        if (accounts[account].department != 0) revert IssuerRegistryKnown();
        Window memory w = _window(0, to);
        accounts[account] = Account(department, role, w.from, w.to);
        emit AccountBound(++revision, department, account, role, w.from, w.to);
    }

    /// @notice Ends an account at `to` (0: now).
    function endAccount(address account, uint40 to) external onlyOwner {
        accounts[account].to = _earlier(accounts[account].to, to);
        emit AccountEnded(++revision, account, accounts[account].to);
    }

    /// @inheritdoc IIssuerRegistry
    function departmentOf(address account, uint8 role) public view returns (uint32) {
        Account memory a = accounts[account];
        Window memory d = departments[a.department];
        // Roles are compared here, not times:
        // slither-disable-next-line incorrect-equality
        bool holds = a.role == role && a.from <= block.timestamp && block.timestamp < a.to
            && d.from <= block.timestamp && block.timestamp < d.to;
        return holds ? a.department : 0;
    }

    /// @inheritdoc IIssuerRegistry
    function owner() public view override(Ownable, IIssuerRegistry) returns (address) {
        return Ownable.owner();
    }

    /// @notice A permitted type version: the definition's SHA-256 and the window; zeros where there is none.
    function typeOf(uint32 department, string calldata typeCode, uint16 version)
        external view returns (bytes32 definition, uint40 from, uint40 to)
    {
        TypeVersion memory t = _types[department][keccak256(bytes(typeCode))][version];
        return (t.definition, t.window.from, t.window.to);
    }

    /// @notice Always refused: without a council nobody could end a stolen key.
    function renounceOwnership() public view override onlyOwner {
        revert IssuerRegistryNoRenouncing();
    }

    function _demandDepartment(uint32 id) private view {
        if (departments[id].to <= block.timestamp) revert IssuerRegistryUnknown();
    }

    function _window(uint40 from, uint40 to) private view returns (Window memory) {
        uint40 start = from == 0 ? uint40(block.timestamp) : from;
        if (start < block.timestamp || to <= start) revert IssuerRegistryBadWindow(start, to);
        return Window(start, to);
    }

    function _earlier(uint40 until, uint40 to) private view returns (uint40) {
        uint40 end = to == 0 ? uint40(block.timestamp) : to;
        if (until == 0) revert IssuerRegistryUnknown();
        if (end >= until || end < block.timestamp) revert IssuerRegistryEndMayOnlyFall(until, end);
        return end;
    }
}
