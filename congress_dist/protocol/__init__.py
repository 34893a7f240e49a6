"""What nodes say to each other, and the pure state machines at both ends of a stream.

No module here has a thread, reads a clock or knows the bus (docs/protocol.md).
"""
