"""The look of the page about a learner's progress: the book's colors, light, dark and on paper."""

LIGHT = """
  --page: #ffffff; --surface: #f4f5f7; --text: #1c2430; --muted: #55606e; --border: #d5dae1; --track:
  #dde4ec;
  --part-basics: #0063a0; --part-training: #a84300; --part-cnn_rnn: #00705a; --part-generative: #9b3677;
  --part-rl: #755800; --part-transformers: #4a4cb8; --part-deepseek: #b01e41;
"""
DARK = """
  --page: #14171c; --surface: #1d222a; --text: #dfe4ea; --muted: #a5afbb; --border: #3a424d; --track:
  #333c47;
  --part-basics: #74bdf5; --part-training: #ffa06a; --part-cnn_rnn: #52d0af; --part-generative: #f0a3d2;
  --part-rl: #e2c257; --part-transformers: #b1b5ff; --part-deepseek: #ff93a3;
"""
PARTS = ("basics", "training", "cnn_rnn", "generative", "rl", "transformers", "deepseek")
ACCENTS = "\n".join(f'[data-part="{part}"] {{ --accent: var(--part-{part}); }}' for part in PARTS)

STYLE = f"""
:root {{ color-scheme: light dark; {LIGHT} --accent: var(--part-basics); }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}
{ACCENTS}
* {{ box-sizing: border-box; }}
body {{ background: var(--page); color: var(--text); font-size: 1.03rem; line-height: 1.6; margin: 0 auto;
  max-width: 52rem; padding: 2rem clamp(1rem, 4vw, 2.5rem) 4rem;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial,
  sans-serif; }}
h1 {{ font-size: clamp(1.9rem, 1.3rem + 2.2vw, 2.7rem); font-weight: 750; letter-spacing: -.012em;
  line-height: 1.15; margin: 0 0 .6rem; }}
h2 {{ font-size: 1.35rem; line-height: 1.3; margin: 2.6rem 0 .6rem; }}
section[data-part] > h2 {{ border-bottom: 2px solid var(--accent); color: var(--accent); padding-bottom:
  .25rem; }}
h3 {{ font-size: 1.06rem; line-height: 1.4; margin: 0; }}
p {{ margin: .4rem 0; max-width: 64ch; text-wrap: pretty; }}
code {{ background: var(--surface); border-radius: .25rem; font-size: .9em; overflow-wrap: anywhere;
  padding: .1em .3em; font-family: ui-monospace, "Cascadia Code", "SF Mono", Menlo, Consolas,
  "Liberation Mono", "DejaVu Sans Mono", monospace; }}
.whole {{ white-space: nowrap; }} @media (max-width: 30rem) {{ .whole {{ white-space: normal; }} }}
.muted {{ color: var(--muted); font-size: .95rem; }}
.hidden {{ clip-path: inset(50%); height: 1px; overflow: hidden; position: absolute; width: 1px; }}
.facts {{ display: flex; flex-wrap: wrap; gap: .4rem 2.5rem; list-style: none; margin: 1.6rem 0 .6rem;
  padding: 0; }}
.facts b {{ font-size: 2.1rem; font-variant-numeric: tabular-nums; line-height: 1.2; margin-right: .4rem; }}
.bar {{ background: var(--track); border-radius: 1rem; height: .5rem; overflow: hidden; }}
.bar i {{ background: var(--accent); display: block; height: 100%; }}
.next {{ background: color-mix(in srgb, var(--accent) 8%, var(--page)); border-left: .3rem solid
  var(--accent);
  border-radius: .5rem; margin: 1.6rem 0 0; padding: .9rem 1.2rem; }}
.next h2 {{ font-size: 1.2rem; margin: 0; }} .next p {{ margin: .3rem 0 0; }}
.next code {{ background: color-mix(in srgb, var(--accent) 13%, var(--page)); }}
.chapters {{ list-style: none; margin: 0; padding: 0; }}
.chapters > li {{ break-inside: avoid; padding: .9rem 0 .3rem; }}
.row {{ align-items: baseline; display: flex; flex-wrap: wrap; gap: 0 1.2rem; margin-bottom: .35rem; }}
.row h3 {{ flex: 1 1 16rem; }} .state {{ color: var(--muted); }}
.points {{ font-variant-numeric: tabular-nums; white-space: nowrap; }}
details {{ margin: .35rem 0 .5rem; }} summary {{ color: var(--accent); cursor: pointer; width:
  fit-content; }}
summary:focus-visible {{ border-radius: .2rem; outline: 3px solid var(--accent); outline-offset: 2px; }}
table {{ border-collapse: collapse; font-size: .95rem; margin: .3rem 0 .6rem; width: 100%; }}
th, td {{ border-bottom: 1px solid var(--border); padding: .3rem .8rem .3rem 0; text-align: left;
  vertical-align: baseline; }}
th {{ color: var(--muted); font-weight: 600; }} td code {{ background: none; padding: 0; }}
.n {{ font-variant-numeric: tabular-nums; padding-right: 0; text-align: right; white-space: nowrap; }}
.faults {{ padding-left: 1.2rem; }} footer {{ border-top: 1px solid var(--border); margin-top: 3rem; }}
@media print {{ @page {{ margin: 16mm 14mm; }}
  * {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
  html {{ font-size: 9.5pt; }} body {{ max-width: none; padding: 0; }} details:not([open]) {{ display:
  none; }}
  h2 {{ break-after: avoid; }} }}
"""
