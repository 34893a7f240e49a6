"""The reference evaluator, and random programs that hold the engine to it.

Slow, plain and without memory of what was before: after each change everything is worked out anew.
"""
