"""The walk: whatever hides behind a limit or a problem, no verdict is ever `go`."""
