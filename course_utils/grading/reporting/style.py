"""The look of the report: light and dark, narrow and wide, on a screen and on paper.

Colors are those that color-blind readers can tell apart (Okabe and Ito), and letters on them have a contrast
of 4.5 at least. Every segment has an edge and, where it fits, its number; a table says the same in words.
"""

STYLE = """
:root { color-scheme: light dark;
  --page: #ffffff; --text: #1f2933; --muted: #52606d; --border: #c3cbd3; --soft: #f2f5f7; --link: #005a9c;
  --bar: #3d8fc9; --median: #8a3400; --grid: #dde3e8; --edge: #1f2933;
  --none: #d5dbe1; --honesty-text: var(--text); --honesty-muted: var(--muted);
  --honesty-border: var(--border); --honesty-code: var(--soft); --honesty-mark: #ffe3a8; }
@media screen and (prefers-color-scheme: dark) { :root {
  --page: #14181d; --text: #e6eaee; --muted: #a9b4bf; --border: #46525e; --soft: #1e252c; --link: #7cc0f5;
  --bar: #2f78ad; --median: #ffb185; --grid: #2b343d; --edge: #14181d; --none: #9aa6b2;
  --honesty-mark: #5b4510; } }
* { box-sizing: border-box; }
body { background: var(--page); color: var(--text); margin: 0 auto; max-width: 62rem;
  padding: 1.5rem clamp(1rem, 4vw, 2.5rem) 4rem; line-height: 1.55;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", Arial, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { border-top: 1px solid var(--border); font-size: 1.35rem; margin: 2.6rem 0 .6rem; padding-top: 1.3rem; }
h3 { font-size: 1.1rem; margin: 1.8rem 0 .3rem; }
h4 { font-size: 1rem; margin: 1.2rem 0 .2rem; overflow-wrap: anywhere; }
p, li { max-width: 46rem; } p { margin: .5rem 0; }
a { color: var(--link); } a:focus-visible, summary:focus-visible, .scroll:focus-visible {
  outline: 3px solid var(--link); outline-offset: 2px; }
code { background: var(--soft); border-radius: .2rem; font-size: .92em; overflow-wrap: anywhere;
  padding: 0 .25em; }
.muted { color: var(--muted); } .note { color: var(--muted); font-size: .92rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; margin: 1rem 0 0; padding: 0; }
.facts { display: grid; gap: .7rem; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr));
  list-style: none; margin: 1.2rem 0; padding: 0; }
.facts li { background: var(--soft); border: 1px solid var(--border); border-radius: .5rem;
  padding: .6rem .8rem; }
.facts b { display: block; font-size: 1.5rem; line-height: 1.2; }
figure { margin: 1rem 0; }
figcaption { color: var(--muted); font-size: .92rem; max-width: 46rem; padding-top: .4rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .93rem; margin: .6rem 0; }
th, td { border-bottom: 1px solid var(--border); padding: .3rem .9rem .3rem 0; text-align: left;
  vertical-align: top; }
thead th { font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 400; }
td.n, th.n { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
details { margin: .4rem 0; } summary { cursor: pointer; width: fit-content; }
tbody th > code { overflow-wrap: normal; white-space: nowrap; }
ul.names { columns: 10rem; column-gap: 1.5rem; font-size: .93rem; margin: .4rem 0; padding-left: 1.2rem; }
ul.names li { break-inside: avoid; overflow-wrap: anywhere; }
svg { display: block; } svg text { fill: var(--text); font-size: 13px; font-family: inherit; }
svg .label { paint-order: stroke; stroke: var(--page); stroke-linejoin: round;
  stroke-width: 5px; }
svg .tick { fill: var(--muted); } svg .label { fill: var(--muted); }
svg .middle, svg .count { text-anchor: middle; } svg .end { text-anchor: end; }
svg .grid { stroke: var(--grid); } svg .axis { stroke: var(--muted); }
svg .bar { fill: var(--bar); } svg .track { fill: var(--grid); }
svg .median { stroke: var(--median); stroke-width: 2.5; } svg .median-label { fill: var(--median);
  font-weight: 600; }
svg .quartile { stroke: var(--median); stroke-dasharray: 5 4; stroke-width: 1.5; }
.stack rect { stroke: var(--edge); stroke-width: 1; }
rect.passed, .key .passed { fill: #0072b2; background: #0072b2; }
rect.failed, .key .failed { fill: #e08214; background: #e08214; }
rect.crashed, .key .crashed { fill: #d794b8; background: #d794b8; }
rect.timed-out, .key .timed-out { fill: #f0e442; background: #f0e442; }
rect.not-attempted, .key .not-attempted { fill: var(--none); background: var(--none); }
rect.no-record, .key .no-record { fill: #5f6b76; background: #5f6b76; }
svg text.count { fill: #10151a; font-size: 12px; font-weight: 600; }
svg text.count.passed, svg text.count.no-record { fill: #ffffff; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; margin: .4rem 0 1rem; padding: 0;
  font-size: .92rem; }
.key i { border: 1px solid var(--edge); display: inline-block; height: .8rem; margin-right: .4rem;
  vertical-align: -.1rem; width: .8rem; }
.bars { display: grid; gap: .35rem 1rem; grid-template-columns: minmax(8rem, max-content) minmax(0, 1fr);
  align-items: center; }
.bars > span { overflow-wrap: anywhere; max-width: 20rem; }
ol.mistakes, ul.plain { list-style: none; padding: 0; }
ol.mistakes > li, ul.plain > li { border-top: 1px solid var(--border); max-width: none; padding: .7rem 0; }
ol.mistakes > li { display: grid; gap: 0 1.2rem; grid-template-columns: 8.5rem minmax(0, 1fr); }
ol.mistakes .share { margin-top: .35rem; } ol.mistakes p { margin: 0 0 .2rem; }
ol.mistakes .below { align-items: baseline; display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
ol.mistakes details { flex: 1 1 10rem; margin: 0; }
ol.mistakes > li, ul.plain > li, .pair { break-inside: avoid; }
ul.plain.urgent { border-left: .3rem solid var(--median); padding-left: .8rem; }
.nothing { color: var(--muted); }
.course-honesty table { display: block; overflow-x: auto; }
.course-honesty td:not(.n) { min-width: 6rem; }
@media (max-width: 40rem) {
  body { padding-top: 1rem; } h1 { font-size: 1.5rem; }
  .bars { grid-template-columns: minmax(0, 1fr); } .bars > svg { margin-bottom: .5rem; }
  ol.mistakes > li { grid-template-columns: minmax(0, 1fr); gap: .3rem; }
  svg text { font-size: 12px; } th, td { padding-right: .7rem; } td:not(.n) { min-width: 9rem; } }
@media print {
  @page { margin: 16mm 14mm; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  html { font-size: 9.5pt; } body { max-width: none; padding: 0; }
  nav, ol.mistakes details:not([open]) { display: none; }
  h2 { break-after: avoid; font-size: 14pt; margin-top: 1.4rem; } h3 { break-after: avoid; }
  figure, tr, .bars > * { break-inside: avoid; } thead { display: table-header-group; }
  .scroll { overflow: visible; } a { color: inherit; } }
"""
