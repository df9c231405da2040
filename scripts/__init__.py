"""Doors for people: each parses arguments and calls a package. No logic worth a test lives here."""
