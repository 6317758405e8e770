"""Hosts with Docker or podman: both answer Docker's Engine API (v1.41 and later) on a socket."""
