"""Issuing: the only place with personal data, and with keys behind the signer's wall. Judges nobody else's licences."""
