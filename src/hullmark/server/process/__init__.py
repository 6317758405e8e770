"""The processes of a server: workers, the scheduler, and the supervisor that runs them on one machine."""
