// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {LogDeeds} from "./LogDeeds.sol";

/// @title Whatever is done to AnchorLog, each department's anchors are a chain without gaps that never changes
contract LogInvariants {
    LogDeeds private _deeds;

    function setUp() external {
        _deeds = new LogDeeds();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_deeds);
    }

    /// @dev One campaign for all the rules: forge would play each alone, at the same price each.
    function invariant_theLogIsAsItWasWritten() external view {
        _theHeadIsTheLastAnchor();
        _anAnchorNeverChanges();
        _theSizesAddUp();
        _aRootBelongsToWhoAnchoredIt();
        _voidingsAreCounted();
    }

    function _theHeadIsTheLastAnchor() private view {
        for (uint32 department = 7; department <= 8; ++department) {
            (uint64 seq, bytes32 root) = _deeds.log().head(department);
            require(seq == _deeds.count(department), "the head has another number");
            require(root == _deeds.last(department), "the head has another root");
        }
    }

    function _anAnchorNeverChanges() private view {
        for (uint32 department = 7; department <= 8; ++department) {
            uint64 number = _deeds.count(department);
            for (uint64 n = 1; n <= number; ++n) _demandSame(department, n);
        }
    }

    function _theSizesAddUp() private view {
        uint256 known;
        uint256 found;
        for (uint32 department = 7; department <= 8; ++department) {
            for (uint256 n = 0; n < _deeds.count(department); ++n) {
                (bytes32 root, uint32 size,,) = _deeds.anchors(department, n);
                (, uint32 kept,,) = _deeds.log().anchorOf(department, root);
                (known, found) = (known + size, found + kept);
            }
        }
        require(known == found, "licences were lost or made");
    }

    function _aRootBelongsToWhoAnchoredIt() private view {
        for (uint32 department = 7; department <= 8; ++department) {
            for (uint256 root = 1; root <= 64; ++root) {
                (uint64 seq,,,) = _deeds.log().anchorOf(department, bytes32(root));
                require(seq == _deeds.numbers(department, bytes32(root)), "a root of another department");
            }
        }
    }

    function _voidingsAreCounted() private view {
        require(_deeds.log().voids() == _deeds.voids(), "another number of voidings");
    }

    function _demandSame(uint32 department, uint64 n) private view {
        (bytes32 root, uint32 size, uint40 time, bool voided) = _deeds.anchors(department, n - 1);
        (uint64 seq, uint32 keptSize, uint40 keptTime, bool keptVoid) = _deeds.log().anchorOf(department, root);
        require(seq == n, "an anchor has another number");
        require(keptSize == size && keptTime == time, "an anchor has another size or time");
        require(keptVoid == voided, "an anchor was voided or revived");
    }
}
