"""docs/paper.md, made of docs/paper/*.json: no number that was found is typed by hand."""

import json

from results import number

__all__ = ["write"]

HEAD = """\
# The papers, claim by claim

Written by `python benchmarks/paper`: every measured number below comes from the files in
`docs/paper/`, which the same command writes. `python benchmarks/paper NAME` repeats one
experiment.

The papers prove upper bounds for the worst data with a given margin; here they are compared with
runs on a few sets, with one seed each unless more are mentioned. A bound that holds may be far from
the measured value: most hold with orders of magnitude to spare. Where a claim is about rates,
"agrees" means within a tolerance that was set after seeing the first numbers: it guards against
change and is no independent confirmation.

Papers: J. Wu, P. L. Bartlett, M. Telgarsky, B. Yu, COLT 2024, arXiv:2402.15926 (*Wu et al.*);
J. Wu, V. Braverman, J. D. Lee, 2023, arXiv:2305.11788 (*Wu, Braverman, Lee*); S. Meng et al., 2024,
arXiv:2406.05033 (*Meng et al.*); J. Wu, P. Marion, P. L. Bartlett, 2025, arXiv:2506.02336
(*Wu, Marion, Bartlett*); A. Tyurin, 2024, arXiv:2412.08424 (*Tyurin*); R. Zhang et al., 2025,
arXiv:2504.04105 (*Zhang et al.*); Z. Ji, N. Srebro, M. Telgarsky, ICML 2021, arXiv:2107.00595
(*Ji, Srebro, Telgarsky*); J. Wu, P. L. Bartlett, M. Telgarsky, B. Yu, ICML 2025, arXiv:2502.13283;
M. Crawshaw, M. Liu, COLT 2026, arXiv:2602.12471 (*Crawshaw, Liu*); Wen, Wen, Teng, 2026,
arXiv:2610.01459, of which only the abstract was at hand (*Wen, Wen, Teng*).
"""


def write(results, docs):
    """Write docs/paper.md from the records that are in docs/paper."""
    records = {}
    for name in results:
        path = docs / "paper" / f"{name}.json"
        if path.exists():
            records[name] = json.loads(path.read_text(encoding="utf-8"))
    text = "\n".join(_lines(results, records)) + "\n"
    (docs / "paper.md").write_text(text, encoding="utf-8")


def _lines(results, records):
    yield from HEAD.splitlines()
    yield from ("", "| result | claims | agree | seconds |", "| :-- | --: | --: | --: |")
    for name, record in records.items():
        agree = [claim.agrees for claim in results[name].claims(record["numbers"])]
        row = [f"[{record['title']}](#{_anchor(record['title'])})", str(len(agree))]
        yield f"| {' | '.join([*row, str(sum(agree)), number(record['seconds'])])} |"
    machines = {json.dumps(record["machine"]): record["machine"] for record in records.values()}
    for machine in machines.values():
        yield from ("", "; ".join(f"{name} {value}" for name, value in machine.items()) + ".")
    missing = [name for name in results if name not in records]
    if missing:
        yield from ("", f"Not run here: {', '.join(missing)}.")
    for name, record in records.items():
        yield from _section(results[name], record)


def _section(result, record):
    numbers = record["numbers"]
    yield from ("", f"## {record['title']}", "")
    if record["steps"] is not None:
        yield from (f"*Shortened: at most {number(record['steps'])} steps a run.*", "")
    yield from result.describe(numbers)
    yield from ("", f"![{record['title']}](paper/{result.name}.png)")
    lines = list(result.tables(numbers))
    if lines:
        yield from ("", *lines)
    yield from ("", "| the paper says | what came out | agrees |", "| :-- | :-- | :-: |")
    for claim in result.claims(numbers):
        found = f"{claim.found} *{claim.note}*" if claim.note else claim.found
        agrees = "yes" if claim.agrees else "**no**"
        yield f"| {_cell(claim.says)} | {_cell(found)} | {agrees} |"


def _cell(text):
    """Return text for a cell of a table, which a bar of its own would end."""
    return text.replace("|", r"\|")


def _anchor(title):
    kept = (letter for letter in title.lower() if letter.isalnum() or letter in " -_")
    return "".join(kept).replace(" ", "-")
