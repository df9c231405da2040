// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Registry} from "./Faces.sol";
import {RegistryDeeds} from "./RegistryDeeds.sol";

/// @title What nobody may do to IssuerRegistry, between the lawful deeds
contract RegistryThieves is RegistryDeeds {
    /// @dev All that the council alone may do, with values that would be lawful.
    function actAsStranger(uint8 deed, uint256 pick, uint160 who) external {
        address by = _outsider(who);
        if (who % 3 == 0) by = accountAt(who);
        bytes4 reason = Registry.OwnableUnauthorizedAccount.selector;
        bytes memory call = _ofCouncil(deed % 12, pick);
        _refused(by, address(registry), call, reason);
        bytes[] memory calls = new bytes[](1);
        calls[0] = call;
        _refused(by, address(registry), abi.encodeCall(registry.multicall, (calls)), reason);
    }

    function takeOverAsStranger(uint160 who) external {
        address by = _outsider(who);
        bytes memory call = abi.encodeCall(registry.acceptOwnership, ());
        _refused(by, address(registry), call, Registry.OwnableUnauthorizedAccount.selector);
    }

    function renounce() external {
        _deny(abi.encodeCall(registry.renounceOwnership, ()), Registry.IssuerRegistryNoRenouncing.selector);
    }

    /// @dev Its own status account may call a key stolen as of now; nobody but the council may say since when.
    function compromiseAsDepartment(uint256 key, uint256 by, uint40 back) external {
        bytes8 kid = kidOf(key);
        address account = accountAt(by);
        if (_keys[kid].department == 0) return;
        uint40 since = back % 2 == 0 ? 0 : time - back % 3000;
        bytes memory call = abi.encodeCall(registry.compromiseKey, (kid, since));
        bool own = _acts(account, STATUS) == _keys[kid].department && since == 0;
        bytes4 reason = Registry.IssuerRegistryNotAllowed.selector;
        if (!own) return _refused(account, address(registry), call, reason);
        bool late = _keys[kid].compromisedAt != 0 && time >= _keys[kid].compromisedAt;
        if (time < _keys[kid].window.from) reason = Registry.IssuerRegistryBadValue.selector;
        else if (late) reason = Registry.IssuerRegistryEndMayOnlyFall.selector;
        else return _compromise(kid, account);
        _refused(account, address(registry), call, reason);
    }

    function compromiseAhead(uint256 pick, uint40 ahead) external {
        if (_keys[kidOf(pick)].department == 0) return;
        bytes memory call = abi.encodeCall(registry.compromiseKey, (kidOf(pick), time + 1 + ahead % 9999));
        _deny(call, Registry.IssuerRegistryBadValue.selector);
    }

    /// @dev Nothing begins before now, and nothing ends before it begins.
    function beginBackdated(uint8 deed, uint40 back, bool emptyWindow) external {
        if (departments[1].to <= time) return;
        uint40 from = emptyWindow ? time + back % 100 : time - 1 - back % 9999;
        uint40 to = emptyWindow ? from - back % 50 : time + 1000;
        bytes memory call = abi.encodeCall(registry.permitType, (1, "other", 1, NETWORK, from, to));
        if (deed % 2 == 0) call = abi.encodeCall(registry.addKey, (1, 1, 1, NETWORK, NETWORK, from, to, new bytes(64)));
        _deny(call, Registry.IssuerRegistryBadWindow.selector);
    }

    /// @dev One of the three is odd: the suite, the usage, or the length of the proof.
    function addOddKey(uint8 which, uint8 odd) external {
        if (departments[1].to <= time) return;
        (uint8 suite, uint8 usage, uint256 proof) = (1, 1 + odd % 2, 64);
        if (which % 3 == 0) suite = odd == 1 ? 0 : odd;
        if (which % 3 == 1) usage = odd == 1 || odd == 2 ? 3 : odd;
        if (which % 3 == 2) proof = odd == 64 ? 65 : odd;
        bytes memory call =
            abi.encodeCall(registry.addKey, (1, suite, usage, NETWORK, NETWORK, 0, time + 1, new bytes(proof)));
        _deny(call, Registry.IssuerRegistryBadValue.selector);
    }

    function _acts(address by, uint8 role) internal view returns (uint32) {
        Account memory a = _accounts[by];
        Window memory d = departments[a.department];
        bool holds = a.role == role && a.window.from <= time && time < a.window.to && d.from <= time && time < d.to;
        return holds ? a.department : 0;
    }

    function _compromise(bytes8 kid, address by) private {
        vm.warp(time);
        vm.prank(by);
        registry.compromiseKey(kid, 0);
        _keys[kid].compromisedAt = time;
        ++revision;
    }

    function _ofCouncil(uint8 deed, uint256 pick) private view returns (bytes memory) {
        if (deed == 0) return abi.encodeCall(registry.admitDepartment, (99, 0, "C", "Z", "E", "u"));
        if (deed == 1) return abi.encodeCall(registry.describeDepartment, (1, "C", "Z", "E", "u"));
        if (deed == 2) return abi.encodeCall(registry.endDepartment, (1, 0));
        if (deed == 3) {
            return abi.encodeCall(registry.addKey, (1, 1, 1, NETWORK, bytes32(pick), 0, FOREVER, new bytes(64)));
        }
        if (deed == 4) return abi.encodeCall(registry.endKey, (kidOf(pick), 0));
        if (deed == 5) return abi.encodeCall(registry.permitType, (1, "stolen", 1, NETWORK, 0, FOREVER));
        if (deed == 6) return abi.encodeCall(registry.endType, (1, "business", 1, 0));
        if (deed == 7) return abi.encodeCall(registry.bindAccount, (address(0xBAD), 1, 1, FOREVER));
        if (deed == 8) return abi.encodeCall(registry.endAccount, (accountAt(pick), 0));
        if (deed == 9) return abi.encodeCall(registry.transferOwnership, (address(0xBAD)));
        if (deed == 10) return abi.encodeCall(registry.bindAccount, (address(0xBAD), 1, 2, FOREVER));
        return abi.encodeCall(registry.renounceOwnership, ());
    }
}
