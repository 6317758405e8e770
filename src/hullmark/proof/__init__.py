"""What signatures and attestations say, and the statements that verdicts become: bytes in, values out."""
