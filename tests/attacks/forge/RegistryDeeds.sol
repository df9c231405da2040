// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Registry} from "./Faces.sol";
import {House} from "./House.sol";

/// @title What the council lawfully does to IssuerRegistry, and what must then be known of it
/// @dev Ids come from small pools, so that acts meet each other. A known id is demanded to be refused.
contract RegistryDeeds is House {
    struct Window {
        uint40 from;
        uint40 to;
    }

    struct Key {
        uint32 department;
        uint8 usage;
        Window window;
        uint40 compromisedAt;
    }

    struct Account {
        uint32 department;
        uint8 role;
        Window window;
    }

    struct TypeVersion {
        bytes32 definition;
        Window window;
    }

    uint32 public constant DEPARTMENTS = 4;
    uint256 public constant KEYS = 5;
    uint256 public constant ACCOUNTS = 6;
    uint16 public constant TYPES = 6;

    uint64 public revision;
    address internal _nextCouncil;
    mapping(uint32 id => Window) public departments;
    mapping(bytes8 kid => Key) internal _keys;
    mapping(address account => Account) internal _accounts;
    mapping(uint16 version => TypeVersion) internal _types;

    constructor() {
        _build();
        admit(1, 0);
        admit(2, 0);
    }

    function keyOf(bytes8 kid) external view returns (Key memory) {
        return _keys[kid];
    }

    function account(address account_) external view returns (Account memory) {
        return _accounts[account_];
    }

    function typeOf(uint16 version) external view returns (TypeVersion memory) {
        return _types[version];
    }

    function kidOf(uint256 pick) public pure returns (bytes8) {
        return bytes8(sha256(abi.encodePacked(uint8(1), bytes32(pick % KEYS + 1), bytes32(pick % KEYS))));
    }

    function accountAt(uint256 pick) public pure returns (address) {
        return address(uint160(0xACC0000 + pick % ACCOUNTS));
    }

    function admit(uint32 id, uint40 ahead) public {
        id = id % (DEPARTMENTS + 1);
        ahead = ahead % 4 == 0 ? ahead % 1000 : 0;
        bytes memory call =
            abi.encodeCall(registry.admitDepartment, (id, ahead == 0 ? 0 : time + ahead, "C", unicode"局", "O", "u"));
        if (id == 0) return _deny(call, Registry.IssuerRegistryBadValue.selector);
        if (departments[id].to != 0) return _deny(call, Registry.IssuerRegistryKnown.selector);
        _do(call, 2);
        departments[id] = Window(time + ahead, FOREVER);
    }

    function describe(uint32 id) external {
        id = id % (DEPARTMENTS + 1);
        bytes memory call = abi.encodeCall(registry.describeDepartment, (id, "C", unicode"局", "O", "u"));
        if (departments[id].to <= time) return _deny(call, Registry.IssuerRegistryUnknown.selector);
        _do(call, 1);
    }

    function endDepartment(uint32 id, uint40 to, uint8 rarely) external {
        id = id % (DEPARTMENTS + 1);
        if (rarely % 8 != 0) return;
        to = _end(to);
        _ending(departments[id], abi.encodeCall(registry.endDepartment, (id, to)), to);
    }

    function addKey(uint32 department, uint256 pick, bool presenting, uint40 ahead, uint40 term) external {
        department = department % (DEPARTMENTS + 1);
        Window memory w = _window(ahead, term);
        uint8 usage = presenting ? 2 : 1;
        bytes memory call = abi.encodeCall(
            registry.addKey,
            (department, 1, usage, bytes32(pick % KEYS + 1), bytes32(pick % KEYS), w.from, w.to, new bytes(64))
        );
        Key storage key = _keys[kidOf(pick)];
        if (departments[department].to <= time) return _deny(call, Registry.IssuerRegistryUnknown.selector);
        if (key.department != 0) return _deny(call, Registry.IssuerRegistryKnown.selector);
        if (presenting && w.to - w.from > 90 days) return _deny(call, Registry.IssuerRegistryBadWindow.selector);
        _do(call, 1);
        (key.department, key.usage, key.window) = (department, usage, w);
    }

    function endKey(uint256 pick, uint40 to) external {
        to = _end(to);
        _ending(_keys[kidOf(pick)].window, abi.encodeCall(registry.endKey, (kidOf(pick), to)), to);
    }

    function compromiseKey(uint256 pick, uint40 back) external {
        Key storage key = _keys[kidOf(pick)];
        uint40 since = back % 4 == 0 ? 0 : time - back % 3000;
        bytes memory call = abi.encodeCall(registry.compromiseKey, (kidOf(pick), since));
        if (since == 0) since = time;
        if (key.department == 0) return _deny(call, Registry.IssuerRegistryUnknown.selector);
        if (since < key.window.from) return _deny(call, Registry.IssuerRegistryBadValue.selector);
        if (key.compromisedAt != 0 && since >= key.compromisedAt) {
            return _deny(call, Registry.IssuerRegistryEndMayOnlyFall.selector);
        }
        _do(call, 1);
        key.compromisedAt = since;
    }

    function permitType(uint16 version, bytes32 definition, uint40 ahead, uint40 term) external {
        version = version % (TYPES + 1);
        if (departments[1].to <= time) return;
        Window memory w = _window(ahead, term);
        bytes memory call = abi.encodeCall(registry.permitType, (1, "business", version, definition, w.from, w.to));
        TypeVersion storage t = _types[version];
        if (t.definition != 0) return _deny(call, Registry.IssuerRegistryKnown.selector);
        if (definition == 0 || version == 0) return _deny(call, Registry.IssuerRegistryBadValue.selector);
        _do(call, 1);
        (t.definition, t.window) = (definition, w);
    }

    function endType(uint16 version, uint40 to) external {
        version = version % (TYPES + 1);
        to = _end(to);
        _ending(_types[version].window, abi.encodeCall(registry.endType, (1, "business", version, to)), to);
    }

    function bindAccount(uint256 pick, uint32 department, uint8 role, uint40 term) external {
        department = department % (DEPARTMENTS + 1);
        role = role % 4;
        uint40 to = time + term % 5000 + 1;
        bytes memory call = abi.encodeCall(registry.bindAccount, (accountAt(pick), department, role, to));
        Account storage a = _accounts[accountAt(pick)];
        if (departments[department].to <= time) return _deny(call, Registry.IssuerRegistryUnknown.selector);
        if (role == 0 || role == 3) return _deny(call, Registry.IssuerRegistryBadValue.selector);
        if (a.department != 0) return _deny(call, Registry.IssuerRegistryKnown.selector);
        _do(call, 1);
        (a.department, a.role, a.window) = (department, role, Window(time, to));
    }

    function endAccount(uint256 pick, uint40 to) external {
        to = _end(to);
        _ending(_accounts[accountAt(pick)].window, abi.encodeCall(registry.endAccount, (accountAt(pick), to)), to);
    }

    function handOver(uint160 next) external {
        _nextCouncil = address((uint160(1) << 158) | uint128(next));
        _do(abi.encodeCall(registry.transferOwnership, (_nextCouncil)), 0);
    }

    function takeOver() external {
        if (_nextCouncil == address(0)) return;
        vm.warp(time);
        vm.prank(_nextCouncil);
        registry.acceptOwnership();
        (council, _nextCouncil) = (_nextCouncil, address(0));
    }

    function wait(uint16 seconds_) external {
        _pass(seconds_ % 2000);
    }

    /// @dev Ends may fall to any moment from now on, and to none else.
    function _ending(Window storage window, bytes memory call, uint40 to) private {
        if (to == 0) to = time;
        if (window.to == 0) return _deny(call, Registry.IssuerRegistryUnknown.selector);
        if (to >= window.to || to < time) return _deny(call, Registry.IssuerRegistryEndMayOnlyFall.selector);
        _do(call, 1);
        window.to = to;
    }

    function _end(uint40 to) private view returns (uint40) {
        if (to % 4 == 0) return 0;
        return to % 4 == 1 ? time - to % 3000 : time + to % 8000;
    }

    function _window(uint40 ahead, uint40 term) private view returns (Window memory) {
        return Window(time + ahead % 1000, time + ahead % 1000 + 1 + term % 100 days);
    }

    function _do(bytes memory call, uint64 changes) private {
        vm.warp(time);
        vm.recordLogs();
        vm.prank(council);
        (bool accepted,) = address(registry).call(call);
        require(accepted, "refused what is lawful");
        _logs(changes == 0 ? 1 : changes);
        revision += changes;
    }

    function _deny(bytes memory call, bytes4 reason) internal {
        _refused(council, address(registry), call, reason);
    }
}
