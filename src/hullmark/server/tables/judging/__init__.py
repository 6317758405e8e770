"""Tables of policies, verdicts, simulations and deployments."""
