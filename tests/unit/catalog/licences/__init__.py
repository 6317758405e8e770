"""Tests of texts of licences."""
