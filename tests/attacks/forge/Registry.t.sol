// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Registry} from "./Faces.sol";
import {RegistryDeeds} from "./RegistryDeeds.sol";
import {RegistryThieves} from "./RegistryThieves.sol";

/// @title Whatever is done to IssuerRegistry, nothing is revived, backdated or taken, and every change is numbered
contract RegistryInvariants {
    RegistryThieves private _deeds;

    function setUp() external {
        _deeds = new RegistryThieves();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_deeds);
    }

    /// @dev One campaign for all the rules: forge would play each alone, at the same price each.
    function invariant_theRegistryIsAsTheCouncilDecided() external view {
        _revisionsHaveNoGaps();
        _theCouncilIsWhoWasMadeIt();
        _departmentsAreAsDecided();
        _keysAreAsDecided();
        _accountsActForWhomTheyAreBound();
        _typesAreAsPermitted();
    }

    function _revisionsHaveNoGaps() private view {
        require(_deeds.registry().revision() == _deeds.revision(), "another number of changes");
    }

    function _theCouncilIsWhoWasMadeIt() private view {
        require(_deeds.registry().owner() == _deeds.council(), "another council");
        require(_deeds.registry().networkId() == keccak256("network under attack"), "another network");
    }

    function _departmentsAreAsDecided() private view {
        for (uint32 id = 0; id <= _deeds.DEPARTMENTS(); ++id) {
            (uint40 from, uint40 to) = _deeds.departments(id);
            (uint40 keptFrom, uint40 keptTo) = _deeds.registry().departments(id);
            require(from == keptFrom && to == keptTo, "a department has another window");
        }
    }

    function _keysAreAsDecided() private view {
        for (uint256 n = 0; n < _deeds.KEYS(); ++n) {
            bytes8 kid = _deeds.kidOf(n);
            RegistryDeeds.Key memory key = _deeds.keyOf(kid);
            (uint32 department, uint8 suite, uint8 usage, uint40 from, uint40 to, uint40 since) =
                _deeds.registry().keys(kid);
            require(department == key.department && usage == key.usage, "a key of another department or usage");
            require(suite == (department == 0 ? 0 : 1), "a key of another suite");
            require(from == key.window.from && to == key.window.to, "a key has another window");
            require(since == key.compromisedAt, "a key was stolen at another time");
        }
    }

    function _accountsActForWhomTheyAreBound() private view {
        for (uint256 n = 0; n < _deeds.ACCOUNTS(); ++n) {
            RegistryDeeds.Account memory a = _deeds.account(_deeds.accountAt(n));
            (uint32 department, uint8 role, uint40 from, uint40 to) = _deeds.registry().accounts(_deeds.accountAt(n));
            require(department == a.department && role == a.role, "an account is bound elsewhere");
            require(from == a.window.from && to == a.window.to, "an account has another window");
            for (uint8 asked = 0; asked <= 3; ++asked) _demandActs(n, a, asked);
        }
    }

    function _typesAreAsPermitted() private view {
        for (uint16 version = 0; version <= _deeds.TYPES(); ++version) {
            RegistryDeeds.TypeVersion memory t = _deeds.typeOf(version);
            (bytes32 definition, uint40 from, uint40 to) = _deeds.registry().typeOf(1, "business", version);
            require(definition == t.definition, "a definition was written again");
            require(from == t.window.from && to == t.window.to, "a permission has another window");
            (definition,,) = _deeds.registry().typeOf(2, "business", version);
            require(definition == 0, "a permission of another department");
        }
    }

    function _demandActs(uint256 n, RegistryDeeds.Account memory a, uint8 asked) private view {
        uint40 now_ = _deeds.time();
        (uint40 from, uint40 to) = _deeds.departments(a.department);
        bool holds = a.role == asked && a.window.from <= now_ && now_ < a.window.to && from <= now_ && now_ < to;
        uint32 found = _deeds.registry().departmentOf(_deeds.accountAt(n), asked);
        require(found == (holds ? a.department : 0), "an account acts for another department, or out of its time");
    }
}
