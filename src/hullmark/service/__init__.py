"""The server: HTTP interface, worker, scheduler, and the supervisor that runs them on one machine."""
