// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Anchors, Lists, Registry, Vm} from "./Faces.sol";

/// @title The three contracts as they are deployed, two departments, and a clock that the attacks move
/// @notice The code comes from outside, so that the committed artifacts and the mutants are attacked alike.
///   Nothing here lets a refusal pass unseen: what must be refused is called by `_refused`, which wants the reason too.
abstract contract House {
    uint8 internal constant ANCHOR = 1;
    uint8 internal constant STATUS = 2;
    uint40 internal constant FOREVER = type(uint40).max;
    uint32 internal constant SEVEN = 7;
    uint32 internal constant EIGHT = 8;
    bytes32 internal constant NETWORK = keccak256("network under attack");
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    Registry public registry;
    Anchors public log;
    Lists public lists;
    address public council = address(0xC0C0);
    uint40 public time = 1_800_000_000;
    mapping(uint32 department => mapping(uint8 role => address)) public accountOf;
    /// @notice Accounts that act for nobody any more.
    address[] internal _ended;
    uint160 private _accounts = 0xACC0000;

    function _build() internal {
        vm.warp(time);
        registry = Registry(_deploy("CODE_ISSUER_REGISTRY", abi.encode(council, NETWORK)));
        log = Anchors(_deploy("CODE_ANCHOR_LOG", abi.encode(registry)));
        lists = Lists(_deploy("CODE_STATUS_LIST", abi.encode(registry)));
    }

    function _settle() internal {
        _build();
        for (uint32 id = SEVEN; id <= EIGHT; ++id) {
            vm.prank(council);
            registry.admitDepartment(id, 0, "CODE", unicode"演示局", "Office", "u");
            _bind(id, ANCHOR);
            _bind(id, STATUS);
        }
    }

    /// @notice A new account of a department, in the place of the one before.
    function _bind(uint32 department, uint8 role) internal {
        address account = address(++_accounts);
        vm.prank(council);
        registry.bindAccount(account, department, role, FOREVER);
        accountOf[department][role] = account;
    }

    function _replace(uint32 department, uint8 role) internal {
        address account = accountOf[department][role];
        vm.prank(council);
        registry.endAccount(account, 0);
        _ended.push(account);
        _bind(department, role);
    }

    function _pass(uint40 seconds_) internal {
        time += seconds_;
        vm.warp(time);
    }

    function _department(uint256 pick) internal pure returns (uint32) {
        return pick % 2 == 0 ? SEVEN : EIGHT;
    }

    function _other(uint32 department) internal pure returns (uint32) {
        return SEVEN + EIGHT - department;
    }

    /// @notice Anybody who does not act for a department in a role now.
    function _stranger(uint32 department, uint8 role, uint160 pick) internal view returns (address) {
        if (pick % 4 == 0) return council;
        if (pick % 4 == 1) return accountOf[department][role == ANCHOR ? STATUS : ANCHOR];
        if (pick % 4 == 2 && _ended.length > 0) return _ended[pick % _ended.length];
        return _outsider(pick);
    }

    /// @dev Never an account of anybody, nor a council to come.
    function _outsider(uint160 pick) internal pure returns (address) {
        return address((uint160(1) << 159) | uint128(pick));
    }

    function _refused(address by, address to, bytes memory data, bytes4 reason) internal {
        vm.warp(time);
        vm.prank(by);
        (bool accepted, bytes memory answer) = to.call(data);
        require(!accepted, "accepted what must be refused");
        require(bytes4(answer) == reason, "refused, but for another reason");
    }

    function _logs(uint256 number) internal returns (Vm.Log[] memory found) {
        found = vm.getRecordedLogs();
        require(found.length == number, "another number of events");
    }

    function _deploy(string memory name, bytes memory arguments) private returns (address made) {
        bytes memory code = bytes.concat(vm.envBytes(name), arguments);
        assembly {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0), name);
    }
}
