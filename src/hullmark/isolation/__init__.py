"""What a workload is granted: grades of isolation, their reasons, and what is missing to the next one."""
