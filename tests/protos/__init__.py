"""Tests of the contract and its generated code."""
