"""Booted Debian hosts on one machine: systemd-nspawn containers on a bridge, made by a test or by
script/lab. Needs root. Everything of a lab carries its id, so that whoever comes after a crash can
take it away (see cleanup)."""
