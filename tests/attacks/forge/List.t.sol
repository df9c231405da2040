// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ListDeeds} from "./ListDeeds.sol";

/// @title Whatever is done to StatusList, a revoked licence stays revoked and every change is numbered
contract ListInvariants {
    ListDeeds private _deeds;

    function setUp() external {
        _deeds = new ListDeeds();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_deeds);
    }

    /// @dev One campaign for all the rules: forge would play each alone, at the same price each.
    function invariant_everyStatusIsAsItWasDecided() external view {
        _whatIsRevokedStaysRevoked();
        _everyWordIsWhatWasDecided();
        _changesAreNumberedWithoutGaps();
        _listsAreNumberedWithoutGaps();
    }

    function _whatIsRevokedStaysRevoked() private view {
        uint256 number = _deeds.revokedCount();
        for (uint256 n = 0; n < number; ++n) {
            (uint64 list, uint32 index) = _deeds.revoked(n);
            require(_deeds.lists().statusOf(list, index) == 1, "a revoked licence is good again");
        }
    }

    function _everyWordIsWhatWasDecided() private view {
        uint256 number = _deeds.count();
        for (uint256 n = 0; n < number; ++n) {
            (uint64 list, uint32 size,) = _deeds.all(n);
            for (uint256 place = 0; place * 128 < size; ++place) {
                require(_deeds.lists().word(list, place) == _deeds.words(list, place), "another status");
            }
        }
    }

    function _changesAreNumberedWithoutGaps() private view {
        uint256 number = _deeds.count();
        for (uint256 n = 0; n < number; ++n) {
            (uint64 list, uint32 size, uint64 changes) = _deeds.all(n);
            (uint32 keptSize, uint64 keptChanges) = _deeds.lists().listOf(list);
            require(keptChanges == changes, "another number of changes");
            require(keptSize == size, "a list has another size");
        }
    }

    function _listsAreNumberedWithoutGaps() private view {
        for (uint32 department = 7; department <= 8; ++department) {
            uint32 number = _deeds.opened(department);
            require(_deeds.lists().lists(department) == number, "another number of lists");
            (uint32 size,) = _deeds.lists().listOf((uint64(department) << 32) + number + 1);
            require(size == 0, "a list that nobody opened");
        }
    }
}
