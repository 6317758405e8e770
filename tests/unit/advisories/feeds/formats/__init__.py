"""Tests of the formats that several feeds share."""
