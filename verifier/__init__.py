"""Checking: follows the chain and the public files, holds no keys and no personal data, and answers what is so."""
