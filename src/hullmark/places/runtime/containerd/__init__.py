"""Hosts with containerd, or another engine that serves Kubernetes's Container Runtime Interface (CRI v1) on a socket."""
