"""What is told: transitions, who wants them, the messages about them and how they were delivered."""
