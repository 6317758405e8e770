"""Results in the words of Anchore Engine's API, version 1. A module for each noun: structs that are the contract, and pure functions."""
