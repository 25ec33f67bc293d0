"""Profiles made again from the log: a shadow is filled, compared with what is live, and taken over.

The shadow is another database of Redis. The very step and handler of the service fill it from the
beginning of touchpoints.accepted and publish nothing. It never reads further than the live state
has got, so the two can be compared component by component. What differs is written to the live
state by a step of its own ("rebuild"), with the same checks as any worker's: profile goes on all
the while, and who of the two loses a race decides again.
"""
