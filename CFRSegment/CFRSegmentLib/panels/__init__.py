"""The panels of the module: one class per section of the window, over one session that they share.

A panel has setup, refresh, enter, exit and cleanup; what it knows of cohort and case it asks the session.
Nothing is imported here, so that the window imports each panel on its own.
"""
