"""Propositions as data, put to a panel one by one."""
