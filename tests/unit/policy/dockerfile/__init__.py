"""Tests of Dockerfiles."""
