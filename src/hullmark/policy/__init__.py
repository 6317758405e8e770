"""Policies: facts and a policy give a verdict. A gate is one module; where facts and policies come from is not known here."""
