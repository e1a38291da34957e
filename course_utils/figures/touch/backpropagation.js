// The computational graph of an expression: values go forward along it, gradients come back, one node at a time.
// data.order: the names of all nodes, each after those that it is computed from, the result last.
// data.nodes: for each name its place `at: [level, lane]`, and either `label, value, low, high, step` for an input
// or `operation, of` for a node that is computed from others.
function figure(stage, data, touch) {
  const { element, shape } = touch;
  const { order, nodes } = data;
  const result = order[order.length - 1];
  const inputs = Object.fromEntries(order.filter((name) => !nodes[name].of).map((name) => [name, nodes[name].value]));
  const computed = order.filter((name) => nodes[name].of);
  const backward = [...order].reverse();
  const last = computed.length + backward.length;
  const NUDGE = 0.01;
  const BOX = { width: 92, height: 64 };
  let position = 0;

  // `slopes` holds the local derivatives, one for each operand; it is written with names and computed with numbers.
  const written = (value) => touch.fixed(value, 4).replace(/\.?0+$/, "");
  const bracketed = (value) => (value < 0 ? `(${written(value)})` : written(value));
  const OPERATIONS = {
    product: {
      write: ([left, right]) => `${left} · ${right}`,
      compute: ([left, right]) => left * right,
      slopes: ([left, right]) => [right, left],
      nameSlopes: ([left, right]) => [right, left],
    },
    sum: {
      write: ([left, right]) => `${left} + ${right}`,
      compute: ([left, right]) => left + right,
      slopes: () => [1, 1],
      nameSlopes: () => [null, null],
    },
    square: {
      write: ([operand]) => `${operand}²`,
      compute: ([operand]) => operand ** 2,
      slopes: ([operand]) => [2 * operand],
      nameSlopes: ([operand]) => [`2${operand}`],
    },
  };
  const operation = (name) => OPERATIONS[nodes[name].operation];
  const operands = (name, values) => nodes[name].of.map((parent) => values[parent]);
  const formula = (name) => `${name} = ${operation(name).write(nodes[name].of)}`;

  function evaluate(given) {
    const values = { ...given };
    for (const name of computed) values[name] = operation(name).compute(operands(name, values));
    return values;
  }

  // What each use of a node brings back to it: the gradient of the user times the local derivative.
  function differentiate(values) {
    const gradients = { [result]: 1 };
    const shares = { [result]: [] };
    for (const name of backward.slice(1)) {
      shares[name] = computed.flatMap((user) => nodes[user].of.flatMap((parent, index) => {
        if (parent !== name) return [];
        const slope = operation(user).slopes(operands(user, values))[index];
        const slopeName = operation(user).nameSlopes(nodes[user].of)[index];
        return [{ user, upstream: gradients[user], slope, slopeName, share: gradients[user] * slope }];
      }));
      gradients[name] = shares[name].reduce((sum, { share }) => sum + share, 0);
    }
    return { gradients, shares };
  }

  function now() {
    const values = evaluate(inputs);
    const { gradients, shares } = differentiate(values);
    const goesBack = position > computed.length;
    const passed = position - computed.length;
    const hasValue = (name) => name in inputs || computed.indexOf(name) < position;
    const hasGradient = (name) => backward.indexOf(name) < passed;
    const lit = position === 0 ? null : goesBack ? backward[passed - 1] : computed[position - 1];
    return { values, gradients, shares, goesBack, passed, hasValue, hasGradient, lit };
  }

  // --- The drawing: from left to right, or on a phone from top to bottom ---

  function layout(room) {
    const width = Math.min(Math.max(room, 280), 740);
    const places = Object.values(nodes).map(({ at }) => at);
    const [levels, lanes] = [0, 1].map((along) => Math.max(...places.map((at) => at[along])));
    const upright = width < 560;
    const margin = 3; // room for the thick border of the node that is lit
    const inner = width - BOX.width - 2 * margin;
    const pitch = upright ? { level: 114, lane: Math.min(inner / lanes, 130) } : { level: inner / levels, lane: 98 };
    const left = upright ? (inner - pitch.lane * lanes) / 2 : 0;
    const center = (name) => {
      const [level, lane] = nodes[name].at;
      const place = [level * pitch.level, lane * pitch.lane];
      const [across, down] = upright ? place.reverse() : place;
      return [left + across + BOX.width / 2 + margin, down + BOX.height / 2 + margin];
    };
    const height = (upright ? levels * pitch.level : lanes * pitch.lane) + BOX.height + 2 * margin;
    return { width, height, center, forth: upright ? "↓" : "→", back: upright ? "↑" : "←" };
  }

  // The arrow between two boxes, from border to border, with what is written on it.
  function arrow([fromX, fromY], [toX, toY], color, thick, text) {
    const [alongX, alongY] = [toX - fromX, toY - fromY];
    // The part of the way that lies inside a box; one of the two may be infinite.
    const reach = Math.min((BOX.width / 2 + 4) / Math.abs(alongX), (BOX.height / 2 + 4) / Math.abs(alongY));
    const [startX, startY] = [fromX + alongX * reach, fromY + alongY * reach];
    const [endX, endY] = [toX - alongX * reach, toY - alongY * reach];
    const length = Math.hypot(alongX, alongY);
    const [stepX, stepY] = [(alongX / length) * 9, (alongY / length) * 9];
    const [baseX, baseY] = [endX - stepX, endY - stepY];
    const head = [[endX, endY], [baseX - stepY / 2, baseY + stepX / 2], [baseX + stepY / 2, baseY - stepX / 2]];
    const ground = "stroke:var(--touch-ground);stroke-width:5px;paint-order:stroke";
    return shape("g", {},
      shape("line", { x1: startX, y1: startY, x2: baseX, y2: baseY, style: `stroke:${color};stroke-width:${thick}px` }),
      shape("polygon", { points: head.map((point) => point.join()).join(" "), style: `fill:${color}` }),
      text === null ? null : shape("text", { x: (startX + endX) / 2, y: (startY + endY) / 2 + 4,
        "text-anchor": "middle", style: `fill:${color};font-weight:600;${ground}` }, text));
  }

  function edges(state, { center }) {
    const drawn = computed.flatMap((user) => nodes[user].of.map((parent, index) => {
      if (!state.hasGradient(parent)) {
        const active = !state.goesBack && state.lit === user;
        const color = active ? "var(--touch-blue)" : "var(--touch-muted)";
        return [active, arrow(center(parent), center(user), color, active ? 3 : 1, null)];
      }
      const active = state.lit === parent;
      const slope = operation(user).slopes(operands(user, state.values))[index];
      const thick = active ? 3.5 : 1.5;
      return [active, arrow(center(user), center(parent), "var(--touch-orange)", thick, `×${bracketed(slope)}`)];
    }));
    return drawn.sort(([one], [other]) => one - other).map(([, node]) => node); // what is lit lies on top
  }

  function box(name, state, { center, forth, back }) {
    const [x, y] = center(name);
    const lit = state.lit === name;
    const border = !lit ? "var(--touch-muted)" : state.goesBack ? "var(--touch-orange)" : "var(--touch-blue)";
    const dash = state.hasValue(name) ? "" : ";stroke-dasharray:4 3";
    const line = (text, down, style) => shape("text", { x, y: y + down, "text-anchor": "middle", style }, text);
    return shape("g", { "data-node": name, style: "cursor:pointer", onclick: () => jump(name) },
      shape("rect", { x: x - BOX.width / 2, y: y - BOX.height / 2, width: BOX.width, height: BOX.height, rx: 8,
        style: `fill:var(--touch-ground);stroke:${border};stroke-width:${lit ? 3.5 : 1}px${dash}` }),
      line(name in inputs ? name : formula(name), -13, "font-weight:600"),
      state.hasValue(name) ? line(`${forth} ${written(state.values[name])}`, 5, "fill:var(--touch-blue)") : null,
      state.hasGradient(name)
        ? line(`${back} ${written(state.gradients[name])}`, 24, "fill:var(--touch-orange);font-weight:700") : null);
  }

  function told(state) {
    const list = (numbers, known) => order.filter(known).map((name) => `${name} ${written(numbers[name])}`).join(", ");
    const gradients = list(state.gradients, state.hasGradient);
    return `Graph of ${computed.map(formula).join(", ")}. Values: ${list(state.values, state.hasValue)}.`
      + (gradients ? ` Gradients: ${gradients}.` : " No gradient yet.");
  }

  // --- The words: what this step computes ---

  const math = (...parts) => element("span", { style: "font-weight:600" }, ...parts);
  const partial = (of, by) => `∂${of}/∂${by}`;

  function explainForward(name, values) {
    const { of } = nodes[name];
    const numbers = operands(name, values).map(bracketed);
    const slopes = operation(name).slopes(operands(name, values));
    const slopeNames = operation(name).nameSlopes(of);
    const names = of.map((parent, index) =>
      `${partial(name, parent)} = ${slopeNames[index] ? `${slopeNames[index]} = ` : ""}${written(slopes[index])}`);
    return [
      element("p", { style: "margin:0 0 .3rem" },
        math(`${formula(name)} = ${operation(name).write(numbers)} = ${written(values[name])}`)),
      element("p", { style: "margin:0;color:var(--touch-muted)" }, "Kept for the way back: ", names.join(" and ")),
    ];
  }

  function explainBackward(name, { values, gradients, shares }) {
    if (name === result) {
      return [element("p", { style: "margin:0" }, math(`${partial(name, name)} = 1`),
        `: ${name} changes by 1 per unit of ${name}. The walk starts here.`)];
    }
    const narrow = "padding:.25rem 0 .25rem .35rem;"; // four columns fit on a phone
    const left = "padding:.25rem 0;text-align:left;white-space:nowrap;";
    const rows = shares[name].map(({ user, upstream, slope, slopeName, share }) => element("tr", {},
      element("th", { scope: "row", style: `${left}font-weight:400` }, formula(user)),
      element("td", { style: narrow }, written(upstream)),
      element("td", { style: narrow }, slopeName ? `${slopeName} = ${written(slope)}` : written(slope)),
      element("td", { style: `${narrow}font-weight:700` }, written(share))));
    const head = ["used by", "gradient", "× local derivative", "share"].map((text, index) =>
      element("th", { scope: "col", style: index ? narrow : left }, text));
    const sum = shares[name].map(({ share }, index) => (index ? bracketed(share) : written(share))).join(" + ");
    const several = shares[name].length > 1;
    return [
      element("table", {}, element("thead", {}, element("tr", {}, head)), element("tbody", {}, rows)),
      element("p", { style: "margin:.4rem 0 0" },
        several ? `${name} is used ${shares[name].length} times, so the shares add up: ` : "One use, one share: ",
        math(`${partial(result, name)} = ${several ? `${sum} = ` : ""}${written(gradients[name])}`)),
      name in inputs
        ? element("p", { style: "margin:.3rem 0 0;color:var(--touch-muted)" }, nudged(name, values, gradients)) : null,
    ];
  }

  function nudged(name, values, gradients) {
    const after = evaluate({ ...inputs, [name]: inputs[name] + NUDGE })[result];
    return `Test it: ${name} + ${NUDGE} moves ${result} from ${written(values[result])} to ${written(after)}, `
      + `by ${written(after - values[result])}. The gradient says ${NUDGE} × ${bracketed(gradients[name])} = `
      + `${written(NUDGE * gradients[name])}.`;
  }

  function heading({ lit, goesBack, passed }) {
    if (!lit) return "The inputs are given. Step forward to compute the rest.";
    if (!goesBack) return `Forward, ${position} of ${computed.length}: the value of ${lit}`;
    return `Backward, ${passed} of ${backward.length}: the gradient of ${lit}`;
  }

  // --- Controls ---

  function stepName(at) {
    if (at === 0) return "inputs only";
    const passed = at - computed.length;
    return passed <= 0 ? `forward ${at} of ${computed.length}` : `backward ${passed} of ${backward.length}`;
  }
  const stepper = touch.slider("Step", { min: 0, max: last, value: 0, format: stepName }, go);
  const backButton = touch.button("◂ Back", () => go(position - 1));
  const nextButton = touch.button("Step ▸", () => go(position === last ? 0 : position + 1));
  const sliders = Object.keys(inputs).sort((one, other) => nodes[one].at[1] - nodes[other].at[1]).map((name) => {
    const { label, low, high, step, value } = nodes[name];
    const changed = (next) => { inputs[name] = next; show(); tell(); };
    return touch.slider(label, { min: low, max: high, step, value, format: written }, changed);
  });

  function go(next) {
    position = Math.min(Math.max(next, 0), last);
    stepper.set(position);
    show();
    tell();
  }

  // A node that is pointed at: the step in which it got the last number that it has.
  function jump(name) {
    const forth = computed.indexOf(name) + 1;
    go(position > computed.length || !forth ? computed.length + 1 + backward.indexOf(name) : forth);
  }

  const columns = "flex:1;display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.5rem 1.25rem";
  const given = touch.controls(element("div", { style: columns }, ...sliders));
  const legend = element("p", { style: "margin:.6rem 0;font-size:.875rem;color:var(--touch-muted)" });
  const drawn = element("div", { style: "margin:0 0 .75rem" });
  const words = element("div", { style: "min-height:9.5rem" }); // what is below the figure stays where it is
  stage.append(given, legend, drawn, touch.controls(stepper, backButton, nextButton), words);

  stage.addEventListener("keydown", (event) => {
    if (event.target.matches("input")) return; // a slider has its own use for these keys
    const next = { ArrowRight: position + 1, ArrowLeft: position - 1, Home: 0, End: last }[event.key];
    if (next === undefined || !touch.alone(event)) return;
    event.preventDefault();
    go(next);
  });

  function show() {
    const state = now();
    const plan = layout(stage.clientWidth);
    drawn.replaceChildren(touch.drawing(plan.width, plan.height, told(state),
      edges(state, plan), order.map((name) => box(name, state, plan))));
    const gradient = `${plan.back} gradient: how much ${result} changes per unit of the node`;
    legend.replaceChildren(element("span", { style: "color:var(--touch-blue)" }, `${plan.forth} value`), ", ",
      element("span", { style: "color:var(--touch-orange)" }, gradient),
      ". An arrow back multiplies by the local derivative on it.");
    const { lit, goesBack, values } = state;
    words.replaceChildren(element("p", { style: "margin:0 0 .35rem;font-weight:700" }, heading(state)),
      ...(!lit ? [] : goesBack ? explainBackward(lit, state) : explainForward(lit, values)).filter((part) => part));
    // It keeps the focus where there is nothing to go back to: a disabled button would lose it.
    backButton.setAttribute("aria-disabled", position === 0);
    backButton.style.color = position === 0 ? "var(--touch-muted)" : "";
    nextButton.textContent = position === last ? "Start again" : "Step ▸";
  }

  function tell() {
    const state = now();
    const { lit, goesBack, values, gradients } = state;
    touch.say(lit ? `${heading(state)} is ${written((goesBack ? gradients : values)[lit])}.` : heading(state));
  }

  touch.fit(stage, show);
  show();

  return {
    go,
    values() {
      const { values, gradients, shares, hasValue, hasGradient, lit } = now();
      const known = (numbers, has) => Object.fromEntries(order.filter(has).map((name) => [name, numbers[name]]));
      return { position, lit, values: known(values, hasValue), gradients: known(gradients, hasGradient),
        shares: lit && hasGradient(lit) ? shares[lit].map(({ share }) => share) : [] };
    },
  };
}
