// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Anchors, Lists, Registry} from "./Faces.sol";
import {House} from "./House.sol";

/// @title One call at a time, with any values: what is accepted is exactly what the rules say
contract Rules is House {
    uint64 private constant LIST = (uint64(SEVEN) << 32) | 1;
    uint256 private constant NONE = 999;

    function setUp() external {
        _settle();
        vm.prank(accountOf[SEVEN][STATUS]);
        lists.createList(1000);
    }

    function testFuzz_onlyTheLawfulStatusChanges(uint8 before, uint8 status, uint8 reason, uint32 index) external {
        index %= 1000;
        before %= 4;
        _set(before, index);
        uint256 outcome = _outcome(reason);
        bool lawful = before == status || before == 0 || before == 2 || (before == 3 && status == 1);
        (bool accepted,) = _change(status, reason, index);
        require(accepted == (outcome == status && lawful), "another rule");
        require(lists.statusOf(LIST, index) == (accepted ? status : before), "another status");
    }

    function test_everyStatusWithEveryReason() external {
        uint32 index;
        for (uint16 reason = 0; reason < 256; ++reason) {
            for (uint16 status = 0; status < 256; status += status < 8 || status >= 250 ? 1 : 61) {
                (bool accepted,) = _change(uint8(status), uint8(reason), index % 1000);
                require(accepted == (_outcome(uint8(reason)) == status), "a status without its reason");
                index += 2;
                if (accepted) require(lists.statusOf(LIST, (index - 2) % 1000) == status, "another status");
            }
        }
        for (uint32 odd = 1; odd < 1000; odd += 2) require(lists.statusOf(LIST, odd) == 0, "a neighbour changed");
    }

    function test_everyActOnEveryStatus() external {
        for (uint32 n = 0; n < 28; ++n) {
            (uint8 before, uint8 reason) = (uint8(n % 4), uint8(n / 4 + 1));
            uint8 status = uint8(_outcome(reason));
            _set(before, n);
            (bool accepted,) = _change(status, reason, n);
            bool final_ = before == 1 || (before == 3 && status != 1);
            require(accepted == (before == status || !final_), "another rule");
            require(lists.statusOf(LIST, n) == (accepted ? status : before), "another status");
        }
    }

    function testFuzz_aNeighbourNeverChanges(uint32 index, uint8 status) external {
        index = index % 998 + 1;
        _set(1, index - 1);
        _set(2, index + 1);
        _set(status % 4, index);
        require(lists.statusOf(LIST, index - 1) == 1 && lists.statusOf(LIST, index + 1) == 2, "a neighbour changed");
    }

    function testFuzz_nothingIsReadOutsideAList(uint64 list, uint32 index, uint256 place) external view {
        bool inside = list == LIST && index < 1000;
        (bool read,) = address(lists).staticcall(abi.encodeCall(lists.statusOf, (list, index)));
        require(read == inside, "a status where there is none");
        (read,) = address(lists).staticcall(abi.encodeCall(lists.word, (LIST, place)));
        require(read == (place < 8), "a word where there is none");
    }

    function testFuzz_aKeyHasTheIdThatItsPointGives(bytes32 x, bytes32 y) external {
        vm.prank(council);
        registry.addKey(SEVEN, 1, 1, x, y, 0, FOREVER, new bytes(64));
        bytes8 kid = bytes8(sha256(abi.encodePacked(uint8(1), x, y)));
        (uint32 department,,,,,) = registry.keys(kid);
        require(department == SEVEN, "a key under another id");
    }

    function testFuzz_aWindowBeginsNowOrLaterAndLasts(uint40 from, uint40 to) external {
        vm.prank(council);
        bytes memory call = abi.encodeCall(registry.permitType, (SEVEN, "t", 1, NETWORK, from, to));
        (bool accepted,) = address(registry).call(call);
        uint40 start = from == 0 ? time : from;
        require(accepted == (start >= time && to > start), "another rule of windows");
    }

    function testFuzz_aPresentingKeyLivesNinetyDaysAtMost(uint40 from, uint40 term) external {
        from = time + from % 1000;
        term = term % 200 days + 1;
        vm.prank(council);
        bytes memory call =
            abi.encodeCall(registry.addKey, (SEVEN, 1, 2, NETWORK, NETWORK, from, from + term, new bytes(64)));
        (bool accepted,) = address(registry).call(call);
        require(accepted == (term <= 90 days), "another term");
    }

    function testFuzz_anAccountActsAsLongAsItAndItsDepartmentLast(uint16 own, uint16 departments, uint16 later) external {
        uint40 start = time;
        (uint40 first, uint40 second) = (start + own % 1000 + 1, start + departments % 1000 + 1);
        vm.prank(council);
        registry.endAccount(accountOf[SEVEN][ANCHOR], first);
        vm.prank(council);
        registry.endDepartment(SEVEN, second);
        _pass(later % 1200);
        bool acts = time < first && time < second;
        require(registry.departmentOf(accountOf[SEVEN][ANCHOR], ANCHOR) == (acts ? SEVEN : 0), "out of its time");
    }

    function testFuzz_onlyTheCouncilDatesATheftAndOnlyEarlier(uint16 one, uint16 other) external {
        bytes8 kid = _addKey();
        uint40 began = time;
        _pass(70_000);
        (uint40 first, uint40 second) = (began + one, began + other);
        address own = accountOf[SEVEN][STATUS];
        bytes memory call = abi.encodeCall(registry.compromiseKey, (kid, first));
        _refused(own, address(registry), call, Registry.IssuerRegistryNotAllowed.selector);
        vm.prank(council);
        registry.compromiseKey(kid, first);
        vm.prank(council);
        (bool accepted,) = address(registry).call(abi.encodeCall(registry.compromiseKey, (kid, second)));
        require(accepted == (second < first), "a theft moved later");
        call = abi.encodeCall(registry.compromiseKey, (kid, 0));
        _refused(own, address(registry), call, Registry.IssuerRegistryEndMayOnlyFall.selector);
    }

    function testFuzz_aStrangerChangesNothing(address who, uint8 house, bytes4 selector, bytes calldata rest) external {
        vm.assume(who != council && uint160(who) >> 16 != 0xACC);
        address[3] memory all = [address(registry), address(log), address(lists)];
        bytes32 before = _state();
        vm.prank(who);
        (bool accepted,) = all[house % 3].call(bytes.concat(selector, rest));
        accepted; // a view may answer
        require(_state() == before, "a stranger changed something");
    }

    function testFuzz_councilAndDepartmentsKeepToTheirOwn(uint32 department, bytes32 root, uint32 size) external {
        vm.assume(root != 0 && size != 0);
        vm.prank(accountOf[SEVEN][ANCHOR]);
        require(log.anchor(0, root, size) == 1, "the first anchor has another number");
        if (department == SEVEN) department = EIGHT;
        (uint64 seq,,,) = log.anchorOf(department, root);
        require(seq == 0, "a root of another department");
        vm.prank(accountOf[EIGHT][ANCHOR]);
        require(log.anchor(0, root, size) == 1, "a root was taken away");
    }

    function test_nobodyMayVoidForDepartmentNought() external {
        bytes memory call = abi.encodeCall(log.voidAnchor, (0, NETWORK, 1));
        _refused(address(0xBAD), address(log), call, Anchors.AnchorLogNotAllowed.selector);
        call = abi.encodeCall(lists.change, (1, 1, 1, new uint32[](1)));
        _refused(address(0xBAD), address(lists), call, Lists.StatusListNotAllowed.selector);
    }

    function test_nobodyIsNoAccount() external {
        bytes memory call = abi.encodeCall(registry.bindAccount, (address(0), SEVEN, ANCHOR, FOREVER));
        _refused(council, address(registry), call, Registry.IssuerRegistryBadValue.selector);
    }

    function test_theContractsAskThisRegistry() external view {
        require(log.registry() == address(registry) && lists.registry() == address(registry), "another registry");
    }

    function _addKey() private returns (bytes8) {
        vm.prank(council);
        registry.addKey(SEVEN, 1, 1, NETWORK, NETWORK, 0, FOREVER, new bytes(64));
        return bytes8(sha256(abi.encodePacked(uint8(1), NETWORK, NETWORK)));
    }

    function _change(uint8 status, uint8 reason, uint32 index) private returns (bool, bytes memory) {
        uint32[] memory indices = new uint32[](1);
        indices[0] = index;
        vm.prank(accountOf[SEVEN][STATUS]);
        return address(lists).call(abi.encodeCall(lists.change, (LIST, status, reason, indices)));
    }

    function _set(uint8 status, uint32 index) private {
        uint8[4] memory reasons = [uint8(5), 2, 4, 6];
        (bool accepted,) = _change(status, reasons[status], index);
        require(accepted, "refused what is lawful");
    }

    function _outcome(uint8 reason) private pure returns (uint256) {
        if (reason == 0 || reason > 7) return NONE;
        return [uint256(1), 1, 1, 2, 0, 3, 3][reason - 1];
    }

    function _state() private view returns (bytes32) {
        (uint64 seq, bytes32 root) = log.head(SEVEN);
        (uint32 size, uint64 changes) = lists.listOf(LIST);
        bytes memory counters = abi.encode(seq, root, size, changes, log.voids(), lists.lists(SEVEN), lists.lists(0));
        return keccak256(abi.encode(counters, registry.revision(), registry.owner(), registry.pendingOwner()));
    }
}
