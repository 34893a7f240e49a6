"""What befalls a world, each for as long as a `with` block lasts.

The block is given what tells whether the fault has had its effect: whoever wants to know that
something was really broken waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from random import Random

from .member import Member
from .world import START_SECONDS, World

Effect = Callable[[], bool]
Inject = Callable[[World, Random], AbstractContextManager[Effect]]
CLOCK_JUMP = 600.0
OVERFLOW = "chaos-overflow"
"""Name of the broker's policy that makes queues short."""
QUEUE_LENGTH = 5
LOST_VERSIONS = 60
"""More messages than fit into a short queue and into what a listener takes in."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault.

    Shapes: two that befall the same `subject` cannot be together.
    """

    name: str
    subject: str
    inject: Inject
    why_not: Callable[[World], str | None] = lambda _world: None


def draw(world: World, rng: Random, kind: str) -> Member:
    """Draw one of those of a kind that run."""
    return rng.choice(world.find(kind))


def outages(world: World, member: Member) -> int:
    """Give how often a node has lost the broker."""
    line = world.audit.nodes.get(member.name)
    return 0 if line is None else int(line["counters"].get("broker_away", 0))


def loses_broker(world: World, members: list[Member]) -> Effect:
    """Give what tells whether all of these have noticed that the broker is away."""
    before = {member.name: outages(world, member) for member in members}
    return lambda: all(outages(world, member) > before[member.name] for member in members)


def moves_on(world: World, versions: int) -> Effect:
    """Give what tells whether the cloud has gone so many versions further."""
    target = world.cloud.version + versions
    return lambda: world.cloud.version >= target


def running(world: World) -> list[Member]:
    """Give all that run."""
    return [member for member in world.members if member.is_running]


# --- the broker ---------------------------------------------------------------------------------


@contextmanager
def broker_stopped(world: World, _rng: Random) -> Iterator[Effect]:
    """The broker is stopped in order, and started."""
    effect = loses_broker(world, running(world))
    world.broker.stop()
    try:
        yield effect
    finally:
        world.broker.start()


@contextmanager
def broker_killed(world: World, _rng: Random) -> Iterator[Effect]:
    """The broker is killed, and started."""
    effect = loses_broker(world, running(world))
    world.broker.kill()
    try:
        yield effect
    finally:
        world.broker.start()


@contextmanager
def broker_hangs(world: World, _rng: Random) -> Iterator[Effect]:
    """The broker takes and gives nothing, with all connections open."""
    effect = loses_broker(world, running(world))
    world.broker.pause()
    try:
        yield effect
    finally:
        world.broker.resume()


@contextmanager
def connections_closed(world: World, _rng: Random) -> Iterator[Effect]:
    """The broker hangs up on everybody."""
    effect = loses_broker(world, running(world))
    world.broker.close_all_connections()
    yield effect


@contextmanager
def queue_overflows(world: World, rng: Random) -> Iterator[Effect]:
    """Queues are short, and a subscriber takes nothing out of its own."""
    definition = f'{{"max-length":{QUEUE_LENGTH}}}'
    world.broker.control("set_policy", "--apply-to", "queues", OVERFLOW, r"^listen\.", definition)
    victim = draw(world, rng, "subscriber")
    victim.pause()
    try:
        world.wait(moves_on(world, LOST_VERSIONS), START_SECONDS, "more is sent than fits")
        yield lambda: True
    finally:
        victim.resume()
        world.broker.control("clear_policy", OVERFLOW)


@contextmanager
def subscriber_stopped_over_restart(world: World, rng: Random) -> Iterator[Effect]:
    """A subscriber is stopped while the broker is killed and started."""
    victim = draw(world, rng, "subscriber")
    victim.pause()
    effect = loses_broker(world, running(world))
    world.broker.kill()
    try:
        world.wait(effect, 30.0, "the others notice")
    finally:
        world.broker.start()
    try:
        yield moves_on(world, 10)
    finally:
        victim.resume()


# --- nodes --------------------------------------------------------------------------------------


def killed(kind: str) -> Inject:
    """Give the fault by which one of a kind is killed, and started again."""

    @contextmanager
    def inject(world: World, rng: Random) -> Iterator[Effect]:
        victim = draw(world, rng, kind)
        with kill(victim):
            yield moves_on(world, 10)

    return inject


def stopped(kind: str) -> Inject:
    """Give the fault by which one of a kind is stopped, and continued."""

    @contextmanager
    def inject(world: World, rng: Random) -> Iterator[Effect]:
        victim = draw(world, rng, kind)
        with stop(victim):
            yield moves_on(world, 10)

    return inject


@contextmanager
def publisher_killed(world: World, rng: Random) -> Iterator[Effect]:
    """One who publishes is killed, and started again."""
    victim = draw_publishing(world, rng)
    effect = is_missed(world, victim)
    with kill(victim):
        yield effect


@contextmanager
def publisher_stopped(world: World, rng: Random) -> Iterator[Effect]:
    """One who publishes is stopped, and continued: perhaps when another has taken over."""
    victim = draw_publishing(world, rng)
    effect = is_missed(world, victim)
    with stop(victim):
        yield effect


@contextmanager
def kill(victim: Member) -> Iterator[None]:
    """Kill a member, and start it again."""
    victim.kill()
    try:
        yield
    finally:
        victim.start()


@contextmanager
def stop(victim: Member) -> Iterator[None]:
    """Stop a member, and let it go on."""
    victim.pause()
    try:
        yield
    finally:
        victim.resume()


def draw_publishing(world: World, rng: Random) -> Member:
    """Draw one whose rows are taken now."""
    candidates = world.find("publisher")
    publishing = [m for m in candidates if world.audit.nodes[m.name]["publishes"]]
    return rng.choice(publishing or candidates)


def is_missed(world: World, victim: Member) -> Effect:
    """Give what tells whether another has taken over, or all subscribers know that none has."""
    source = victim.role.source
    keys = [(member.name, source) for member in world.find("subscriber")]
    epochs = {key: world.audit.sources[key]["position"][0] for key in keys}

    def look() -> bool:
        lines = {key: world.audit.sources[key] for key in keys}
        others = [m for m in world.find("publisher") if m.role.source == source]
        if others:
            return all(line["position"][0] > epochs[key] for key, line in lines.items())
        return all(line["stale"] for line in lines.values())

    return look


@contextmanager
def clock_jumps(world: World, rng: Random) -> Iterator[Effect]:
    """The wall clock of a node jumps by ten minutes, and back."""
    victim = rng.choice(running(world))
    jump = rng.choice((-CLOCK_JUMP, CLOCK_JUMP))
    assert victim.wall_clock is not None
    true = world.audit.nodes[victim.name]["wall"]
    victim.wall_clock.jump(jump)

    def has_jumped() -> bool:
        return abs(float(world.audit.nodes[victim.name]["wall"]) - true - jump) < 1.0

    try:
        yield has_jumped
    finally:
        victim.wall_clock.jump(0.0)


def no_compiler(world: World) -> str | None:
    """Say why no clock can jump."""
    can = all(member.wall_clock is not None for member in world.members)
    return None if can else "no C compiler, which makes what clocks jump by"


# --- the network --------------------------------------------------------------------------------


def cut(*, hears: bool, is_heard: bool) -> Inject:
    """Give the fault by which the link of a node is cut, one way or both."""

    @contextmanager
    def inject(world: World, rng: Random) -> Iterator[Effect]:
        victim = rng.choice(running(world))
        effect = loses_broker(world, [victim])
        world.network.cut(victim.name, hears=hears, is_heard=is_heard)
        try:
            yield effect
        finally:
            world.network.mend(victim.name)

    return inject


def no_namespaces(world: World) -> str | None:
    """Say why no link can be cut."""
    return world.network.why_not_cut


FAULTS = [
    Fault("broker stopped", "broker", broker_stopped),
    Fault("broker killed", "broker", broker_killed),
    Fault("broker hangs", "broker", broker_hangs),
    Fault("all connections closed", "broker", connections_closed),
    Fault("queue overflows", "broker", queue_overflows),
    Fault("subscriber stopped over a broker restart", "broker", subscriber_stopped_over_restart),
    Fault("publisher killed", "publisher", publisher_killed),
    Fault("publisher stopped", "publisher", publisher_stopped),
    Fault("subscriber killed", "subscriber", killed("subscriber")),
    Fault("subscriber stopped", "subscriber", stopped("subscriber")),
    Fault("engine killed", "engine", killed("engine")),
    Fault("engine stopped", "engine", stopped("engine")),
    Fault("clock jumps", "clock", clock_jumps, no_compiler),
    Fault("link cut", "link", cut(hears=False, is_heard=False), no_namespaces),
    Fault("node hears nothing", "link", cut(hears=False, is_heard=True), no_namespaces),
    Fault("node is not heard", "link", cut(hears=True, is_heard=False), no_namespaces),
]
