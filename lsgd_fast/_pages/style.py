"""The style sheet of pages: wide and narrow screens, light and dark ones, and paper."""

__all__ = ["STYLE"]

STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1b1f24; --soft: #4f5965; --paper: #ffffff; --shade: #f3f5f7; --line: #c9d0d8;
  --accent: #0b5cad; --good: #12652f; --bad: #a3280c; --open: #6b4e00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e9ed; --soft: #a9b3be; --paper: #14171a; --shade: #1f2429; --line: #414a54;
    --accent: #6cb2ff; --good: #6fd08c; --bad: #ff9d83; --open: #e3c15d;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem 1.25rem; max-width: 58rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
  "Noto Sans", "Hiragino Sans", "Yu Gothic UI", "Noto Sans CJK JP", "Noto Sans JP", sans-serif;
  overflow-wrap: break-word;
}
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 1.8rem 0 .5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
p, ul, dl, figure { margin: .5rem 0; }
ul { padding-left: 1.2rem; }
li + li { margin-top: .2rem; }
.answer {
  border-left: .4rem solid var(--accent); background: var(--shade); padding: .7rem 1rem;
  border-radius: .25rem;
}
.answer p { margin: .2rem 0; }
.answer .first { font-size: 1.15rem; font-weight: 600; }
.note, caption, figcaption, footer { color: var(--soft); font-size: .875rem; }
dl div { display: flex; gap: .25rem 1rem; flex-wrap: wrap; padding: .15rem 0; }
dt { flex: 0 0 12rem; color: var(--soft); }
dd { flex: 1 1 14rem; margin: 0; }
.scroll { overflow-x: auto; margin: .5rem 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .2rem 0; caption-side: top; }
th, td {
  text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid var(--line);
}
thead th { color: var(--soft); font-weight: 600; font-size: .875rem; }
tbody th { font-weight: 400; }
tr.strong { background: var(--shade); }
tr.strong th { font-weight: 700; }
.mark { font-weight: 600; white-space: nowrap; }
.good { color: var(--good); } .bad { color: var(--bad); } .open { color: var(--open); }
data { white-space: nowrap; }
.card {
  background: #ffffff; color: #1b1f24; border: 1px solid var(--line); border-radius: .25rem;
  padding: .5rem .75rem; max-width: 42rem;
}
.card svg.picture { display: block; width: 100%; height: auto; }
.pair { display: flex; flex-wrap: wrap; gap: 0 1rem; }
.pair figure { flex: 1 1 22rem; }
.axis { font-size: .875rem; } .axis.x { text-align: right; }
.legend { list-style: none; padding: 0; margin: .4rem 0 0; font-size: .875rem; }
.legend li { display: inline-block; margin: 0 1.2rem .1rem 0; }
.legend svg { width: 2rem; height: .8rem; margin-right: .4rem; vertical-align: -.05rem; }
pre {
  background: var(--shade); padding: .6rem .8rem; overflow-x: auto; border-radius: .25rem;
  font-size: .875rem; line-height: 1.4;
}
code { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, "Noto Sans Mono", monospace; }
footer { margin-top: 2rem; border-top: 1px solid var(--line); padding-top: .4rem; }
@media screen and (max-width: 40rem) {
  body { padding: 1rem .75rem; }
  h1 { font-size: 1.25rem; }
  dl div { flex-wrap: nowrap; }
  dt { flex-basis: 8.5rem; }
  dd { flex-basis: 0; }
  thead { display: none; }  /* each cell says its column */
  tr, tbody th, td { display: block; border: 0; padding: .1rem 0; }
  tr { border-bottom: 1px solid var(--line); padding: .4rem 0; }
  tr.strong { border-left: .25rem solid var(--accent); padding-left: .5rem; }
  tbody th { font-weight: 700; }
  td { display: flex; gap: .5rem; }
  td::before { content: attr(data-name); flex: 0 0 8.5rem; color: var(--soft); }
  table, .legend { font-size: .875rem; }
}
@page { size: A4; margin: 13mm 14mm; }
@media print {
  :root {
    color-scheme: light;
    --ink: #000000; --soft: #444444; --paper: #ffffff; --shade: #f3f5f7; --line: #b5bcc4;
    --accent: #0b5cad; --good: #12652f; --bad: #a3280c; --open: #6b4e00;
  }
  html { font-size: 9.5pt; }
  body { padding: 0; max-width: none; line-height: 1.4; }
  h2 { margin-top: .9rem; } h2, h3, caption { break-after: avoid; }
  .answer { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .scroll, pre { overflow: visible; } pre { white-space: pre-wrap; }
  .scroll, tr, figure, .answer, li { break-inside: avoid; }
  .card { max-width: 112mm; }
  .pair figure { flex: 1 1 45%; }
  dl div { padding: 0; }
  dt { flex-basis: 17rem; }
  thead { display: table-header-group; }
  th, td { padding-top: .15rem; padding-bottom: .15rem; }
}
"""
