// Two arrays are added whose shapes differ. The shapes are lined up at the right; an axis of length one, or none at
// all, is stretched. Each number of the sum tells where it comes from: A holds tens and B holds ones.
// data.shapes: the shapes to choose from, of at most two axes. data.first, data.second: which ones it starts with.
function figure(stage, data, touch) {
  const { element } = touch;
  const { shapes } = data;
  const state = { first: data.first, second: data.second, row: 0, column: 0 };

  // --- The numbers ---

  const written = (shape) => (shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`);
  const padded = (shape) => [...Array(2 - shape.length).fill(1), ...shape];
  const chosen = () => [shapes[state.first], shapes[state.second]];
  // Where an axis is missing it counts as one, so the shorter shape is filled up at the left.
  const pairs = () => { const [a, b] = chosen().map(padded); return a.map((length, axis) => [length, b[axis]]); };
  const fits = ([a, b]) => a === b || a === 1 || b === 1;
  const axes = () => Math.max(...chosen().map((shape) => shape.length));
  const grid = () => (pairs().every(fits) ? pairs().map(([a, b]) => (a === 1 ? b : a)) : null);
  const result = () => (grid() ? grid().slice(2 - axes()) : null);
  // The place in an array that is read for a place of the sum: a stretched axis is always read at 0.
  const read = (shape, place) => padded(shape).map((length, axis) => (length === 1 ? 0 : place[axis]));
  const entry = (shape, place, step) => {
    const [row, column] = read(shape, place);
    return step * (row * padded(shape)[1] + column + 1);
  };
  const sum = (place) => entry(chosen()[0], place, 10) + entry(chosen()[1], place, 1);
  const table = (value) => {
    const [rows, columns] = grid();
    const range = (length) => Array.from({ length }, (_, index) => index);
    return range(rows).map((row) => range(columns).map((column) => value([row, column])));
  };

  // --- The drawing ---

  const BOX = "display:flex;align-items:center;justify-content:center;min-width:2.4rem;height:2rem;padding:0 .2rem;"
    + "border-radius:.25rem;font-size:.875rem;font-variant-numeric:tabular-nums;margin:0;min-height:0;";
  const LOOKS = {
    own: "border:2px solid var(--touch-ink);background:var(--touch-raised);color:var(--touch-ink);font-weight:600;",
    copy: "border:1px dashed var(--touch-muted);background:none;color:var(--touch-muted);font-weight:400;",
  };

  // The array as it takes part: its own numbers, and dashed the ones that are read again.
  function panel(name, shape, step, [rows, columns]) {
    const cells = [];
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const from = read(shape, [row, column]);
        const own = from[0] === row && from[1] === column;
        cells.push(element("span", { style: BOX + LOOKS[own ? "own" : "copy"], "data-own": String(own) },
          String(entry(shape, [row, column], step))));
      }
    }
    return framed(`${name}, shape ${written(shape)}`, columns, cells, name);
  }
  const framed = (title, columns, cells, name) => element("div", { "data-array": name },
    element("div", { style: "font-size:.875rem;font-weight:600;margin-bottom:.3rem" }, title),
    element("div", { style: `display:grid;grid-template-columns:repeat(${columns},max-content);gap:.35rem` }, cells));
  const sign = (text) => element("div", { style: "align-self:center;font-size:1.3rem", "aria-hidden": "true" }, text);

  const verdict = ([a, b], axis) => {
    if (!fits([a, b])) return `${a} and ${b}: neither is 1, error`;
    const [missing] = chosen().filter((shape) => axis < 2 - shape.length);
    if (a === b) return missing ? "missing: counts as 1" : "equal: goes in pairs";
    return `${missing ? "missing" : "1"}: stretched to ${Math.max(a, b)}`;
  };
  function alignment() {
    const from = 2 - axes();
    const order = pairs().map((_, axis) => axis).slice(from);
    const length = (shape, axis) => (axis < 2 - shape.length ? "–" : String(padded(shape)[axis]));
    const left = "text-align:left";
    const row = (name, cells, extra = {}) => element("tr", extra,
      element("th", { scope: "row", style: left }, name), cells.map((cell) => element("td", {}, cell)));
    return element("table", {}, element("tbody", {},
      row("A", order.map((axis) => length(chosen()[0], axis))),
      row("B", order.map((axis) => length(chosen()[1], axis))),
      row("A + B", order.map((axis) => (fits(pairs()[axis]) ? String(Math.max(...pairs()[axis])) : "✗"))),
      row("rule", order.map((axis) => verdict(pairs()[axis], axis)), { "data-rule": "" })));
  }

  const amount = () => (grid() ? `A + B has shape ${written(result())}.`
    : `Shapes ${chosen().map(written).join(" and ")} do not fit: NumPy and PyTorch raise an error.`);
  function origin() {
    const place = [state.row, state.column];
    const index = (shape) => `[${read(shape, place).slice(2 - shape.length).join(", ")}]`;
    const [a, b] = chosen();
    const at = place.slice(2 - axes()).join(", ");
    return `(A + B)[${at}] = A${index(a)} + B${index(b)} = `
      + `${entry(a, place, 10)} + ${entry(b, place, 1)} = ${sum(place)}`;
  }

  const drawn = element("div", { style: "display:flex;flex-wrap:wrap;gap:.75rem 1rem;margin:.25rem 0 .75rem" });
  const line = element("p", { style: "margin:.25rem 0 .75rem;font-weight:600;overflow-wrap:anywhere" });
  const rules = element("div", { class: "touch-scroll" });

  function mark() {
    if (!grid()) return;
    const columns = grid()[1];
    for (const part of drawn.querySelectorAll("[data-array]")) {
      [...part.lastChild.children].forEach((cell, index) => {
        const picked = index === state.row * columns + state.column;
        cell.style.boxShadow = picked ? "0 0 0 3px var(--touch-orange)" : "";
      });
    }
    line.textContent = origin();
  }
  function pick(index) {
    const columns = grid()[1];
    Object.assign(state, { row: Math.floor(index / columns), column: index % columns });
    mark();
    touch.say(origin());
  }

  function show() {
    const [a, b] = chosen();
    const size = grid();
    rules.replaceChildren(alignment());
    if (!size) {
      drawn.replaceChildren(panel("A", a, 10, padded(a)), sign("+"), panel("B", b, 1, padded(b)));
      line.textContent = amount();
      return;
    }
    const cells = table(sum).flatMap((row, i) => row.map((number, j) => element("button",
      { type: "button", style: BOX + LOOKS.own, "aria-label": `${number}, row ${i}, column ${j}` }, String(number))));
    drawn.replaceChildren(panel("A", a, 10, size), sign("+"), panel("B", b, 1, size), sign("="),
      framed(`A + B, shape ${written(result())}`, size[1], cells, "sum"));
    touch.walk(cells, pick);
    mark();
  }

  const options = shapes.map((shape, index) => [String(index), written(shape)]);
  const change = (which) => (index) => {
    Object.assign(state, { [which]: Number(index), row: 0, column: 0 });
    show();
    touch.say(amount());
  };
  stage.append(touch.controls(
    touch.choice("Shape of A (tens)", options, String(state.first), change("first")),
    touch.choice("Shape of B (ones)", options, String(state.second), change("second")),
  ), drawn, line, rules);
  show();

  return {
    values: () => ({
      first: chosen()[0], second: chosen()[1], shape: result(), picked: [state.row, state.column],
      numbers: grid() ? table(sum) : null,
    }),
  };
}
