"""Measured figures and the tables of the documents that show them; run by script/figures."""
