// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What the other contracts ask of the registry of issuers
interface IIssuerRegistry {
    /// @notice The department that `account` acts for in `role` now; 0 if none.
    /// @param account An account of a department.
    /// @param role 1 to anchor, 2 to change status.
    function departmentOf(address account, uint8 role) external view returns (uint32 department);

    /// @notice The council: whoever owns the registry.
    function owner() external view returns (address council);
}
