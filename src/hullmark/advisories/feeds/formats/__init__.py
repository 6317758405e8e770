"""Formats that several sources share, and what reading them needs: OSV records, CSAF, OVAL, secdb, VEX documents, archives."""
