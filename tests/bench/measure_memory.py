"""Replace rows by others with fresh strings, and print how memory grows.

    make bench-memory

Ten million transactions by default, as the mark has it: minutes. The growth is told against the
memory after the first 100,000.
"""

from __future__ import annotations

import argparse

from .kernel_marks import fresh_strings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="make bench-memory")
    parser.add_argument("--transactions", type=int, default=10_000_000)
    args = parser.parse_args()
    first = None
    for count, rss in fresh_strings(args.transactions):
        first = first or rss
        if count % 1_000_000 == 0 or count == args.transactions:
            growth = 100 * (rss / first - 1)
            print(f"{growth:+.1f} % after {count:,} ({rss / 1e6:.1f} MB)", flush=True)


if __name__ == "__main__":
    main()
