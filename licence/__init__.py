"""What a licence is: its types, bytes, proofs and checks. All that an outsider needs in order to check one.

Pure: nothing in this package opens a socket, a file or a database, reads the clock, draws randomness or looks
at the environment. Time, facts and bytes are arguments. The normative description is docs/format.md.
"""
