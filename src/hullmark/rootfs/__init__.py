"""Layer stream → layer record; layer records → tree. Pure: handed open streams, touches nothing else."""
