// What filling blanks does to a fitted line. Some birds lose one of two measurements; the rows are dropped, or the
// blanks filled with zero or with the mean; a straight line is fitted to what is left and judged on other birds.
// data.columns: {x, y}, each with `name, unit, digits, training, held_out, ticks, ticks_from_zero`.
// data.orders: [{name, birds}], who loses a measurement first. data.shown: [bird, label] for the birds of the table.
// data.blanks, data.blank_column: what it starts with. data.most_blanks: how many birds may lose a measurement.
function figure(stage, data, touch) {
  const { element, shape } = touch;
  const { columns, orders } = data;
  const count = columns.x.training.length;
  const WAYS = { drop: "drop rows", zero: "zero", mean: "mean" };
  const state = { blanks: data.blanks, way: "mean", column: data.blank_column, order: 0 };

  // --- The numbers ---

  const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  const covariance = (left, right) => {
    const [middleLeft, middleRight] = [mean(left), mean(right)];
    return mean(left.map((value, index) => (value - middleLeft) * (right[index] - middleRight)));
  };

  // The line with the smallest sum of squared errors.
  function fit(points) {
    const [x, y] = [points.map((point) => point.x), points.map((point) => point.y)];
    const slope = covariance(x, y) / covariance(x, x);
    const height = mean(y) - slope * mean(x);
    const correlation = covariance(x, y) / Math.sqrt(covariance(x, x) * covariance(y, y));
    const errors = columns.x.held_out.map((value, index) => slope * value + height - columns.y.held_out[index]);
    return { slope, height, correlation, error: Math.sqrt(mean(errors.map((error) => error ** 2))) };
  }

  const complete = columns.x.training.map((x, row) => ({ x, y: columns.y.training[row], row, filled: false }));
  const isBlank = () => new Set(orders[state.order].birds.slice(0, state.blanks));

  // The number that is put into a blank: the training mean is that of the values that are left.
  function filling(way, blank) {
    return way === "zero" ? 0 : mean(columns[state.column].training.filter((_, row) => !blank.has(row)));
  }

  function treated(way, blank) {
    if (way === "drop") return complete.filter(({ row }) => !blank.has(row));
    const value = filling(way, blank);
    return complete.map((point) => (blank.has(point.row) ? { ...point, [state.column]: value, filled: true } : point));
  }

  const truth = fit(complete);
  const results = (blank) => Object.fromEntries(Object.keys(WAYS).map((way) => [way, fit(treated(way, blank))]));

  // --- The plot ---

  const heading = (name) => `${columns[name].name} (${columns[name].unit})`;
  const place = (x, y) => ({ transform: `translate(${x} ${y})` });
  const MARKS = {
    lost: (at) => shape("path", { ...at, d: "M-3-3 3 3M-3 3 3-3",
      style: "stroke:var(--touch-gray);stroke-width:1.2px" }),
    measured: (at) => shape("circle", { ...at, r: 3.5,
      style: "fill:none;stroke:var(--touch-blue);stroke-width:1.5px" }),
    filled: (at) => shape("path", { ...at, d: "M0-6 5 0 0 6-5 0Z",
      style: "fill:var(--touch-amber);stroke:var(--touch-ground);stroke-width:1px" }),
  };
  const LINES = {
    fitted: "stroke:var(--touch-orange);stroke-width:3px",
    true: "stroke:var(--touch-ink);stroke-width:1.5px;stroke-dasharray:7 5",
  };

  function plot(blank, fitted) {
    const width = Math.min(Math.max(stage.clientWidth, 280), 740);
    const height = Math.min(Math.max(width * 0.55, 250), 370);
    const fromZero = (name) => state.way === "zero" && state.column === name && blank.size > 0;
    const ticks = (name) => (fromZero(name) ? columns[name].ticks_from_zero : columns[name].ticks);
    const [xTicks, yTicks] = [ticks("x"), ticks("y")];
    const ends = (numbers) => [numbers[0], numbers[numbers.length - 1]];
    const [x, y] = [touch.scale(ends(xTicks), [64, width - 14]), touch.scale(ends(yTicks), [height - 46, 10])];
    const line = ({ slope, height: start }, style) => {
      const at = (value) => slope * value + start;
      // Cut where it leaves the plot.
      const [low, high] = ends(yTicks).map((value) => (value - start) / slope).sort((one, other) => one - other);
      const [from, to] = [Math.max(ends(xTicks)[0], low), Math.min(ends(xTicks)[1], high)];
      return from < to ? shape("line", { x1: x(from), y1: y(at(from)), x2: x(to), y2: y(at(to)), style }) : null;
    };
    const points = treated(state.way, blank);
    const kinds = [
      ["lost", complete.filter(({ row }) => blank.has(row))],
      ["measured", points.filter(({ filled }) => !filled)],
      ["filled", points.filter(({ filled }) => filled)],
    ];
    const label = `Scatter plot of ${count} training birds, ${columns.y.name} against ${columns.x.name}, with the line`
      + ` that is fitted after the blanks were treated and the line of the complete data. ${told(fitted)}`;
    return touch.drawing(width, height, label,
      touch.axis("x", height - 42, xTicks, x, heading("x")), touch.axis("y", 60, yTicks, y, heading("y")),
      kinds.flatMap(([kind, some]) => some.map((bird) => MARKS[kind](place(x(bird.x), y(bird.y))))),
      line(fitted, LINES.fitted), line(truth, LINES.true));
  }

  const legend = touch.legend([
    [MARKS.measured({}), "measured"], [MARKS.filled({}), "filled in"], [MARKS.lost({}), "the truth behind a blank"],
    [touch.line(LINES.fitted), "fitted line"], [touch.line(LINES.true), "line from the complete data"],
  ]);

  // --- The tables ---

  const slopeUnit = `${columns.y.unit} per ${columns.x.unit}`;
  const told = ({ slope, correlation, error }) => `Slope ${touch.fixed(slope, 1)} ${slopeUnit}, the complete data have `
    + `${touch.fixed(truth.slope, 1)}; correlation ${touch.fixed(correlation)}; error on held-out birds `
    + `${touch.fixed(error, 0)} ${columns.y.unit}, with the complete data ${touch.fixed(truth.error, 0)}.`;
  const LEFT = "text-align:left;white-space:nowrap";

  function table(caption, heads, rows) {
    const style = "caption-side:top;text-align:left;font-weight:600;padding:0 0 .2rem;color:inherit";
    const head = (text, index) => element("th", { scope: "col", style: index ? "" : LEFT }, text);
    const made = element("table", { style: "flex:1 1 17rem" }, element("caption", { style }, caption),
      element("thead", {}, element("tr", {}, heads.map(head))), element("tbody", {}, rows));
    for (const cell of made.querySelectorAll("th, td")) cell.style.padding = ".25rem .3rem"; // fits on a phone
    return made;
  }

  function comparison(found) {
    const { x, y } = columns;
    const heads = ["blanks", `slope (${y.unit}/${x.unit})`, "corre\u00adlation", `error (${y.unit})`];
    const ways = Object.entries(WAYS).map(([way, name]) => [way, name, found[way]]);
    const rows = [["complete", "none", truth], ...ways].map(([way, name, { slope, correlation, error }]) => {
      const chosen = way === state.way;
      const weight = chosen ? "font-weight:700;background:var(--touch-raised)" : "font-weight:400";
      const numbers = [touch.fixed(slope, 1), touch.fixed(correlation), touch.fixed(error, 0)];
      return element("tr", { style: weight, "aria-current": chosen && "true", "data-way": way },
        element("th", { scope: "row", style: `${LEFT};font-weight:inherit` }, `${chosen ? "▸ " : ""}${name}`),
        numbers.map((text) => element("td", {}, text)));
    });
    return table("What comes out", heads, rows);
  }

  function birds(blank) {
    const value = filling(state.way, blank);
    const dropped = state.way === "drop";
    const cell = (name, row) => {
      const { training, digits } = columns[name];
      if (!blank.has(row) || state.column !== name) return element("td", {}, String(training[row]));
      const text = dropped ? "dropped" : `◆ ${touch.fixed(value, digits)}`;
      return element("td", { style: "font-weight:700;white-space:nowrap;color:var(--touch-amber)" }, text);
    };
    const rows = data.shown.map(([row, name]) =>
      element("tr", { style: dropped && blank.has(row) ? "text-decoration:line-through" : "" },
        element("th", { scope: "row", style: `${LEFT};font-weight:400` }, name),
        cell("x", row), cell("y", row)));
    const caption = `${data.shown.length} of the ${count} training birds${dropped ? "" : " (◆ filled in)"}`;
    return table(caption, ["bird", heading("x"), heading("y")], rows);
  }

  // --- Controls ---

  const change = (name) => (next) => { state[name] = next; show(); tell(); };
  const named = ["x", "y"].map((name) => [name, columns[name].name]);
  const picked = orders.map(({ name }, index) => [String(index), name]);
  const amount = (blanks) => `${blanks} of ${count} birds (${touch.fixed((100 * blanks) / count, 0)}%)`;
  stage.append(touch.controls(
    touch.slider("Blanks", { min: 0, max: data.most_blanks, value: state.blanks, format: amount }, change("blanks")),
    touch.choice("In the column", named, state.column, change("column")),
    touch.choice("Of which birds", picked, String(state.order), (index) => change("order")(Number(index))),
    touch.choice("What to do with them", Object.entries(WAYS), state.way, change("way")),
  ));
  const drawn = element("div", {});
  const tables = element("div", { style: "display:flex;flex-wrap:wrap;gap:1rem 2rem;align-items:start" });
  stage.append(drawn, legend, tables);

  function show() {
    const blank = isBlank();
    const found = results(blank);
    drawn.replaceChildren(plot(blank, found[state.way]));
    tables.replaceChildren(comparison(found), birds(blank));
  }
  function tell() {
    touch.say(`${amount(state.blanks)} blank, ${WAYS[state.way]}. ${told(results(isBlank())[state.way])}`);
  }

  touch.fit(stage, show);
  show();

  return { values: () => ({ ...state, complete: truth, ...results(isBlank()) }) };
}
