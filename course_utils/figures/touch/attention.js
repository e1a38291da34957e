// One row of attention, step by step, for a sentence that the reader edits. The formulas are those of
// course_utils.transformers.attention.scaled_dot_product_attention with a causal_mask.
//
// data: {sentences: {name: sentence}, words: {word: [query, key, value]}, key_names, value_names}
function figure(stage, data, touch) {
  const { element, shape, fixed } = touch;
  const MOST = 14; // words: more would not fit beside one another
  const STEPS = ["q · k", "÷ √dₖ", "mask", "softmax", "weighted sum"];
  const d_k = data.key_names.length;
  const d_v = data.value_names.length;
  // picked: the word that looks; key: the word that is looked at; step: what is shown, counted from 0.
  const state = { picked: 0, key: 0, scaled: true, causal: false, step: 3 };
  let sentence = Object.values(data.sentences)[0];
  let now = attend();

  // A word that is not in the table gets numbers by its letters: the same word, the same numbers.
  function invented(word) {
    let hash = 2166136261; // FNV-1a
    for (const byte of new TextEncoder().encode(word)) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
    function draw(count) { // xorshift
      hash = (hash ^ (hash << 13)) >>> 0;
      hash = (hash ^ (hash >>> 17)) >>> 0;
      hash = (hash ^ (hash << 5)) >>> 0;
      return hash % count;
    }
    const many = (size, number) => Array.from({ length: size }, number);
    const tenths = () => (draw(21) - 10) / 10;
    return [many(d_k, () => draw(13) - 6), many(d_k, tenths), many(d_v, tenths)];
  }

  function attend() {
    const all = sentence.match(/[.,;:!?"“”()…]|[^\s.,;:!?"“”()…]+/gu) || [];
    const tokens = all.slice(0, MOST);
    const known = tokens.map((token) => Object.hasOwn(data.words, token.toLowerCase()));
    const vectors = tokens.map((token) => token.toLowerCase())
      .map((word, i) => (known[i] ? data.words[word] : invented(word)));
    const [query, key, value] = [0, 1, 2].map((which) => vectors.map((vector) => vector[which]));
    const scores = query.map((q) => key.map((k) => q.reduce((sum, number, d) => sum + number * k[d], 0)));
    const scaled = scores.map((row) => row.map((score) => (state.scaled ? score / Math.sqrt(d_k) : score)));
    const masked = scaled.map((row, i) => row.map((score, j) => (state.causal && j > i ? -Infinity : score)));
    const weights = masked.map((row) => {
      const largest = Math.max(...row); // no larger power than e^0: the sum cannot overflow
      const powers = row.map((score) => Math.exp(score - largest));
      const sum = powers.reduce((a, b) => a + b, 0);
      return powers.map((power) => power / sum);
    });
    const output = weights.map((row) => data.value_names.map((_, d) => (
      row.reduce((sum, weight, j) => sum + weight * value[j][d], 0))));
    const left = all.length - tokens.length;
    return { tokens, known, left, query, key, value, scores, scaled, masked, weights, output };
  }

  const most = (row) => row.indexOf(Math.max(...row));
  const power = (score) => (score < 9 ? fixed(Math.exp(score)) : Math.exp(score).toExponential(2));
  function short(word, length) {
    const letters = Array.from(word);
    return letters.length > length ? `${letters.slice(0, length - 1).join("")}…` : word;
  }

  // The words of the sentence: each a button, with the weight that the picked word gives it.
  const words = element("div",
    { class: "words", role: "group", "aria-label": "Pick the word that looks; each shows the weight that it gets" });
  const note = element("p", { class: "note" });

  function drawWords() {
    const look = (i) => ({ type: "button", class: now.known[i] ? "" : "unknown" });
    const buttons = now.tokens.map((token, i) => element("button", look(i),
      element("span", { class: "word" }, short(token, 18)),
      element("span", { class: "bar" }), element("span", { class: "weight" })));
    words.replaceChildren(...buttons);
    touch.walk(buttons, pick, state.picked);
    note.textContent = [
      now.tokens.length ? "" : "Write a word: without words there is nothing to look at.",
      now.left ? `The figure takes the first ${MOST} words; ${now.left} more are left out.` : "",
      now.known.includes(false)
        ? "A dotted line: this word is not in the table. Its numbers are random, but always the same." : "",
    ].join(" ").trim();
    note.hidden = !note.textContent;
  }

  function weighWords() {
    Array.from(words.children).forEach((button, j) => {
      const weight = now.weights[state.picked][j];
      button.setAttribute("aria-pressed", String(j === state.picked));
      button.querySelector(".bar").style.width = `${3 * weight}rem`;
      button.querySelector(".weight").textContent = fixed(weight);
    });
  }

  // The map of all rows: scores up to the mask, weights from the softmax on.
  const map = element("div", { class: "map" });
  const mapTitle = element("p", { class: "part" });

  function drawMap() {
    const count = now.tokens.length;
    const [left, top, right] = [72, 62, 26];
    const cell = Math.min(38, Math.max(8, (map.clientWidth - left - right) / count));
    const [matrix, title] = [
      [now.scores, "All scores q · k"],
      [now.scaled, state.scaled ? "All scores ÷ √dₖ" : "All scores, not divided"],
      [now.masked, state.causal ? "All scores, masked" : "All scores, no mask"],
      [now.weights, "All weights"],
      [now.weights, "All weights"],
    ][state.step];
    const isWeights = state.step > 2;
    const bare = isWeights && cell < 27; // .64 for 0.64
    const largest = isWeights ? 1 : Math.max(1e-9, ...matrix.flat().filter(Number.isFinite).map(Math.abs));
    mapTitle.textContent = `${title}: each row is a word that looks`;

    function drawCell(value, i, j) {
      const [x, y] = [left + j * cell, top + i * cell];
      const share = Number.isFinite(value) ? 100 * Math.abs(value) / largest : 0;
      const color = `var(--touch-heat${value < 0 ? "-below" : ""})`;
      const fill = `fill:color-mix(in srgb,${color} ${share}%,var(--touch-raised))`;
      const hidden = state.causal && j > i && state.step > 1;
      // Pointing looks at another key; only a click picks another word, so that a row stays while one reads it.
      return shape("g", { onpointerenter: () => pickKey(j), onclick: () => { pick(i); pickKey(j); } },
        shape("rect", { x, y, width: cell - 1, height: cell - 1, style: fill }),
        hidden ? shape("path", { class: "hidden", d: `M${x + 3},${y + cell - 4} l${cell - 7},${7 - cell}` }) : null,
        hidden || cell < 22 ? null : shape("text", {
          x: x + cell / 2, y: y + cell / 2 + 4, "text-anchor": "middle",
          style: `font-size:${Math.min(11, cell * (bare ? 0.44 : 0.38))}px`,
        }, bare ? fixed(value).replace(/^0/, "") : fixed(value, isWeights ? 2 : 1)));
    }
    function drawName(token, i) {
      const middle = (i + 0.5) * cell;
      const strong = (chosen) => (i === chosen ? "strong" : "");
      return [
        shape("text", { class: strong(state.picked), x: left - 6, y: top + middle + 4, "text-anchor": "end" },
          short(token, 9)),
        shape("text", { class: strong(state.key), transform: `translate(${left + middle + 3} ${top - 6}) rotate(-48)` },
          short(token, 9)),
      ];
    }
    function mark(look, j, wide) {
      const [x, y] = [left + j * cell - 1, top + state.picked * cell - 1];
      return shape("rect", { class: look, x, y, width: wide * cell + 1, height: cell + 1 });
    }
    const told = count
      ? `${mapTitle.textContent}. Marked is the row of “${now.tokens[state.picked]}”, `
        + `which looks most at “${now.tokens[most(now.weights[state.picked])]}”.`
      : "No words, no map.";
    map.replaceChildren(touch.drawing(left + count * cell + right, top + count * cell + 4, told,
      matrix.map((row, i) => row.map((value, j) => drawCell(value, i, j))),
      now.tokens.map(drawName),
      count ? [mark("marked", 0, count), mark("marked thin", state.key, 1)] : null));
  }

  // The picked row as a table: the columns that the step reads, and the one that it makes.
  const table = element("div", { class: "touch-scroll" });
  const tableTitle = element("p", { class: "part" });
  const worked = element("p", { class: "worked" });

  function columns() {
    const i = state.picked;
    const column = (head, values, digits = 2) => ({ head, cells: values.map((value) => fixed(value, digits)) });
    const each = (names, vectors) => names.map((name, d) => column(name, vectors.map((vector) => vector[d]), 1));
    const scaled = column(state.scaled ? "÷ √dₖ" : "not divided", now.scaled[i]);
    const weight = column("weight", now.weights[i]);
    return [
      () => [...each(data.key_names, now.key), column("q · k", now.scores[i])],
      () => [column("q · k", now.scores[i]), scaled],
      () => [scaled, column(state.causal ? "masked" : "no mask", now.masked[i])],
      () => [column("score", now.masked[i]), { head: "exp(score)", cells: now.masked[i].map(power) }, weight],
      () => [weight, ...each(data.value_names, now.value)],
    ][state.step]();
  }

  // The last line of the table: what all its lines are compared with, or add up to.
  function total() {
    const i = state.picked;
    const line = (head, cells) => element("tr", {}, element("th", { scope: "row" }, head),
      cells.map((cell) => element("td", {}, cell)));
    return [
      () => line("query", [...now.query[i].map((number) => fixed(number, 1)), ""]),
      () => null,
      () => null,
      () => line("sum", ["", "", fixed(now.weights[i].reduce((a, b) => a + b, 0))]),
      () => line("output", ["", ...now.output[i].map((number) => fixed(number))]),
    ][state.step]();
  }

  function drawTable() {
    const focused = table.contains(document.activeElement);
    table.replaceChildren();
    tableTitle.textContent = now.tokens.length ? `“${short(now.tokens[state.picked], 18)}” looks at` : "";
    if (!now.tokens.length) return;
    const shown = columns();
    const made = (index) => (state.step < 4 && index === shown.length - 1 ? "made" : "");
    const rows = now.tokens.map((token, j) => element("tr", { onpointerenter: () => pickKey(j) },
      element("th", { scope: "row" }, element("button", { type: "button" }, short(token, 12))),
      shown.map(({ cells }, index) => element("td", { class: made(index) }, cells[j]))));
    table.append(element("table", { class: state.step === 0 ? "dense" : "" },
      element("thead", {}, element("tr", {},
        element("th", { scope: "col" }, ["key of", "word", "word", "word", "value of"][state.step]),
        shown.map(({ head }, index) => element("th", { scope: "col", class: made(index) }, head)))),
      element("tbody", {}, rows), element("tfoot", {}, total())));
    const keys = rows.map((row) => row.querySelector("button"));
    touch.walk(keys, pickKey, state.key);
    if (focused) keys[state.key].focus();
  }

  // What the step does to the picked word and one key, in numbers.
  function explain() {
    const [i, j] = [state.picked, state.key];
    const [from, to] = [i, j].map((place) => `“${short(now.tokens[place], 18)}”`);
    const score = fixed(now.masked[i][j]);
    const factor = (number) => (number < 0 ? `(${fixed(number, 1)})` : fixed(number, 1));
    const terms = () => now.query[i].map((number, d) => `${factor(number)} × ${factor(now.key[j][d])}`).join(" + ");
    const sum = () => power(Math.log(now.masked[i].reduce((all, value) => all + Math.exp(value), 0)));
    return [
      () => `query of ${from} · key of ${to} = ${terms()} = ${fixed(now.scores[i][j])}`,
      () => (state.scaled
        ? `${fixed(now.scores[i][j])} ÷ √${d_k} = ${fixed(now.scaled[i][j])}`
        : `Scaling is off: ${fixed(now.scores[i][j])} stays as it is.`),
      () => (!state.causal ? `The mask is off: ${from} may look at every word, and ${score} stays.`
        : j > i ? `${to} comes after ${from}: it is hidden, and its score becomes −∞.`
          : `${to} does not come after ${from}: it may be seen, and ${score} stays.`),
      () => `weight of ${to} = ${power(now.masked[i][j])} ÷ ${sum()} = ${fixed(now.weights[i][j])}, `
        + `where ${sum()} is the sum of all exp(score).`,
      () => `${to} gives ${fixed(now.weights[i][j])} × (${now.value[j].map((number) => fixed(number, 1)).join(", ")}). `
        + `The sum over all words is the output of ${from}.`,
    ][state.step]();
  }

  function markKey() {
    Array.from(table.querySelectorAll("tbody tr")).forEach((row, j) => {
      row.classList.toggle("marked", j === state.key);
      row.querySelector("button").setAttribute("aria-pressed", String(j === state.key));
    });
    worked.textContent = now.tokens.length ? explain() : "";
  }

  function pick(index) {
    if (index === state.picked) return;
    state.picked = index;
    show();
    const row = now.weights[index];
    touch.say(`“${now.tokens[index]}” looks most at “${now.tokens[most(row)]}”, weight ${fixed(row[most(row)])}`);
  }

  function pickKey(index) {
    if (index === state.key) return;
    state.key = index;
    markKey();
    drawMap();
    touch.say(explain());
  }

  function show() {
    if (now.tokens.length) weighWords();
    drawMap();
    drawTable();
    markKey();
  }

  function rewrite(text) {
    const last = now.tokens.length - 1;
    sentence = text;
    now = attend();
    // Who looked from the end still looks from the end.
    const end = now.tokens.length - 1;
    state.picked = Math.max(0, state.picked >= last ? end : Math.min(state.picked, end));
    state.key = Math.max(0, Math.min(state.key, end));
    drawWords();
    show();
  }

  function change(what, value) {
    state[what] = value;
    now = attend();
    show();
  }

  const field = touch.field("Sentence", sentence, rewrite);
  const examples = Object.entries(data.sentences)
    .map(([name, text]) => touch.button(name, () => { field.set(text); rewrite(text); }));
  const steps = STEPS.map((name, i) => [String(i), `${i + 1} ${name}`]);
  stage.classList.add("touch-attention");
  stage.append(
    element("style", {}, STYLE),
    touch.controls(field, element("div", { class: "touch-choices" }, examples)),
    note, words,
    touch.controls(touch.choice("Step", steps, String(state.step), (key) => change("step", Number(key)))),
    touch.controls(
      touch.choice("Divide by √dₖ", [["yes", "yes"], ["no", "no"]], "yes", (key) => change("scaled", key === "yes")),
      touch.choice("Causal mask", [["on", "on"], ["off", "off"]], "off", (key) => change("causal", key === "on"))),
    element("div", { class: "both" },
      element("div", { class: "side" }, mapTitle, map),
      element("div", { class: "side" }, tableTitle, table, worked)));
  state.picked = Math.max(0, now.tokens.length - 1);
  state.key = now.tokens.length ? most(now.weights[state.picked]) : 0;
  drawWords();
  show();
  // The map has as much room as the page gives it.
  touch.fit(map, drawMap);
  return { values: () => ({ ...now, state: { ...state }, sentence }) };
}

const STYLE = `
.touch-attention .words { display: flex; flex-wrap: wrap; gap: .35rem; margin: 0 0 1rem; }
.touch-attention .words button {
  display: grid; gap: .15rem; justify-items: start; padding: .25rem .5rem; min-width: 4.1rem; font-weight: 400;
}
.touch-attention .words [aria-pressed="true"] {
  border-color: var(--touch-blue); box-shadow: inset 0 0 0 2px var(--touch-blue); font-weight: 700;
}
.touch-attention .unknown .word { text-decoration: underline dotted; text-underline-offset: .2em; }
.touch-attention .bar { height: .3rem; min-width: 1px; border-radius: .15rem; background: var(--touch-blue); }
.touch-attention .weight { font-size: .75rem; color: var(--touch-muted); font-variant-numeric: tabular-nums; }
.touch-attention .both { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; align-items: start; }
.touch-attention .side { flex: 1 1 19rem; min-width: 0; }
.touch-attention .map { width: 100%; }
.touch-attention .part { font-weight: 600; font-size: .875rem; margin: 0 0 .35rem; }
.touch-attention .note { color: var(--touch-muted); font-size: .875rem; margin: 0 0 .75rem; }
.touch-attention .worked { min-height: 3em; margin: .6rem 0 0; font-variant-numeric: tabular-nums; }
.touch-attention svg text { font-size: 11px; }
.touch-attention svg .strong { font-weight: 700; }
.touch-attention svg .marked { fill: none; stroke: var(--touch-ink); stroke-width: 2.5px; pointer-events: none; }
.touch-attention svg .thin { stroke-width: 1.5px; stroke-dasharray: 3 2; }
.touch-attention svg .hidden { stroke: var(--touch-gray); }
.touch-attention :is(th, td) { padding: .2rem .45rem; }
.touch-attention .dense { font-size: .8rem; }
.touch-attention .dense :is(th, td) { padding: .2rem .22rem; }
.touch-attention th:first-child { text-align: left; padding-left: .25rem; }
.touch-attention thead th { font-weight: 600; color: var(--touch-muted); }
.touch-attention tbody th { font-weight: 400; }
.touch-attention th button {
  font-weight: inherit; text-align: left; width: 100%; min-height: 1.5rem; padding: 0; border: 0; background: none;
}
.touch-attention tr.marked :is(th, td) { background: var(--touch-raised); }
.touch-attention tr.marked th { font-weight: 700; }
.touch-attention .made { font-weight: 700; color: var(--touch-blue); }
.touch-attention tfoot :is(th, td) { font-weight: 700; border-bottom: 0; }
`;
