"""An engine goes with the last who holds it, and a kernel with its engine."""

from __future__ import annotations

import gc
import weakref

from congress_dist.policy import Engine


def used_engine() -> Engine:
    engine = Engine()
    engine.create_policy("p")
    engine.load("d", {"t": [(1, "a"), (2, "b")]})
    engine.insert("p", "q(x, l) :- d:t(x, y), lower(y, z), len(z, l)")
    assert engine.prepare("p", "q(?, l)")(1) == [(1, 1)]
    return engine


def test_a_kernel_is_forgotten_with_its_engine() -> None:
    engine = used_engine()
    kernel = weakref.ref(engine._face.kernel)
    del engine
    gc.collect()
    assert kernel() is None


def test_what_an_engine_gave_outlives_it() -> None:
    engine = used_engine()
    changes = engine.apply("d", added={"t": [(3, "cc")]})
    ask = engine.prepare("p", "q(?, l)")
    del engine
    gc.collect()
    appeared, disappeared = changes["p", "q"]
    assert appeared == [(3, 2)]
    del appeared, changes
    assert (len(disappeared), list(disappeared), disappeared[:1]) == (0, [], [])
    assert ask(3) == [(3, 2)]
