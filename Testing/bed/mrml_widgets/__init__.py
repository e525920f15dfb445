"""Stand-ins of the qMRML widgets, bound to the real scene."""
