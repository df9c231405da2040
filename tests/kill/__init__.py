"""Kills the system again and again while licences are issued, then counts: nothing acknowledged may be lost."""
