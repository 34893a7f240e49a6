"""The protocol under drawn faults: the machines that run in production, on virtual time.

One seed is one schedule: publishers that hold a lease, fall silent and come back, subscribers, a
database that is away or restored from a backup, and a network that loses, repeats, delays,
reorders and cuts. After each step everything that docs/protocol.md section 5 promises is compared
with the truth; when the faults end, everybody must have the publisher's rows within a bound.

`python -m congress_dist.testing.simulation --seed 1 --count 2000` runs many.
"""
