"""Reproduce results of the papers.

    python benchmarks/paper                  list the results
    python benchmarks/paper theorem1 l2      these, and then the page
    python benchmarks/paper all              all of them, and then the page
    python benchmarks/paper page             the page alone, from the numbers that are there

Each result writes NAME.png and NAME.json to docs/paper; docs/paper.md is made of the latter. Needs
the extras `plot` and `bench`; a result whose data are not to be had is left out, with a note.
"""

import argparse
from pathlib import Path

import page
from registry import RESULTS
from results import Missing, Options, carry_out

MIN_STEPS = 64
DOCS = Path(__file__).resolve().parents[2] / "docs"


def main(arguments=None):
    """Run the command line."""
    style = {"description": __doc__, "formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser(prog="python benchmarks/paper", **style)
    parser.add_argument("names", nargs="*", metavar="NAME", help="all, page, or a result")
    parser.add_argument("--steps", type=int, help="shorten every run to at most so many steps")
    parser.add_argument("--passes", type=int, default=10_000, help="cap of the comparison")
    parser.add_argument("--embeddings", type=Path, help="emb_sci.npz, for those who have it")
    parser.add_argument("--output", type=Path, default=DOCS, help="docs by default")
    asked = parser.parse_args(arguments)
    if asked.steps is not None and asked.steps < MIN_STEPS:
        parser.error(f"--steps must be at least {MIN_STEPS}: fewer show nothing")
    if asked.passes < MIN_STEPS:
        parser.error(f"--passes must be at least {MIN_STEPS}")
    unknown = set(asked.names) - {*RESULTS, "all", "page"}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    if not asked.names:
        for name, result in RESULTS.items():
            print(f"{name:16} {result.title}")
        return
    options = Options(steps=asked.steps, passes=asked.passes, embeddings=asked.embeddings)
    folder = asked.output / "paper"
    folder.mkdir(parents=True, exist_ok=True)
    for name in RESULTS if "all" in asked.names else asked.names:
        if name == "page":
            continue
        try:
            record = carry_out(RESULTS[name], options, folder)
        except Missing as error:
            print(f"{name:16} left out: {error}", flush=True)
            continue
        failed = [key for key, agrees in record["claims"].items() if not agrees]
        print(f"{name:16} {record['seconds']:7.1f} s, {len(record['claims'])} claims"
              + (f", not so: {', '.join(failed)}" if failed else ""), flush=True)  # fmt: skip
    page.write(RESULTS, asked.output)


if __name__ == "__main__":
    main()
