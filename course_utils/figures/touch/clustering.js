// k-means and EM step by step on the same points: where the groups are, and beside it what the steps have gained.
// data.points: [x, y] of each point. data.x, data.y: {name, ticks}. data.starts: [{name, centers}].
// data.variance: of each component when EM starts. data.ridge, data.tolerance, data.most_steps: see `em` of the package.
// data.method, data.start: what it begins with.
function figure(stage, data, touch) {
  const { element, shape } = touch;
  const { points, starts } = data;
  const METHODS = {
    kmeans: { name: "k-means", counts: "sum of squared distances", settled: "no center moves any more" },
    em: { name: "EM", counts: "log-likelihood", settled: "hardly anything is gained any more" },
  };
  const state = { method: data.method, start: data.start, step: 0, playing: false };

  // --- The numbers ---

  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  const square = ([x, y], [u, v]) => (x - u) ** 2 + (y - v) ** 2;
  const nearest = (centers) => points.map((point) => {
    const squares = centers.map((center) => square(point, center));
    return squares.indexOf(Math.min(...squares));
  });

  // Each step of a run: where the centers are, which group each point is in and how surely, and the value.
  function runKmeans(first) {
    const run = [];
    let centers = first;
    while (run.length <= data.most_steps) {
      const labels = nearest(centers);
      const value = sum(points.map((point, row) => square(point, centers[labels[row]])));
      run.push({ centers, labels, sure: points.map(() => 1), value });
      const moved = centers.map((center, group) => {
        const members = points.filter((_, row) => labels[row] === group);
        return members.length ? [0, 1].map((axis) => sum(members.map((point) => point[axis])) / members.length) : center;
      });
      if (moved.every((center, group) => square(center, centers[group]) === 0)) break;
      centers = moved;
    }
    return run;
  }

  // A covariance is kept as [variance of x, covariance, variance of y].
  function logDensity([x, y], [u, v], [a, b, c]) {
    const determinant = a * c - b * b;
    const [dx, dy] = [x - u, y - v];
    const length = (c * dx * dx - 2 * b * dx * dy + a * dy * dy) / determinant;
    return -Math.log(2 * Math.PI) - (Math.log(determinant) + length) / 2;
  }

  function runMixture(first) {
    const run = [];
    let weights = first.map(() => 1 / first.length);
    let centers = first;
    let covariances = first.map(() => [data.variance, 0, data.variance]);
    while (run.length <= data.most_steps) {
      let value = 0;
      const shares = points.map((point) => {
        const joint = centers.map((center, k) => Math.log(weights[k]) + logDensity(point, center, covariances[k]));
        const largest = Math.max(...joint);
        const evidence = largest + Math.log(sum(joint.map((number) => Math.exp(number - largest))));
        value += evidence;
        return joint.map((number) => Math.exp(number - evidence));
      });
      const sure = shares.map((row) => Math.max(...row));
      run.push({ weights, centers, covariances, value, sure, labels: shares.map((row, at) => row.indexOf(sure[at])) });
      if (run.length > 1 && value - run[run.length - 2].value < data.tolerance * points.length) break;
      const totals = first.map((_, k) => sum(shares.map((row) => row[k])));
      const average = (k, of) => sum(points.map((point, row) => shares[row][k] * of(point))) / totals[k];
      weights = totals.map((total) => total / points.length);
      centers = totals.map((_, k) => [0, 1].map((axis) => average(k, (point) => point[axis])));
      covariances = centers.map(([u, v], k) => [
        average(k, ([x]) => (x - u) ** 2) + data.ridge,
        average(k, ([x, y]) => (x - u) * (y - v)),
        average(k, ([, y]) => (y - v) ** 2) + data.ridge,
      ]);
    }
    return run;
  }

  const runs = {
    kmeans: starts.map(({ centers }) => runKmeans(centers)),
    em: starts.map(({ centers }) => runMixture(centers)),
  };
  const run = () => runs[state.method][state.start];
  const now = () => run()[state.step];
  const last = () => run().length - 1;
  const final = (steps) => steps[steps.length - 1].value;
  const best = () => {
    const ends = runs[state.method].map(final);
    return state.method === "em" ? Math.max(...ends) : Math.min(...ends);
  };

  // --- The points ---

  const COLORS = ["blue", "orange", "green"];
  const MARKS = ["M-3.4 0A3.4 3.4 0 1 0 3.4 0 3.4 3.4 0 1 0-3.4 0Z", "M-3.2-3.2H3.2V3.2H-3.2Z", "M0-4.2 4 3.2H-4Z"];
  const color = (group) => `var(--touch-${COLORS[group]})`;
  const place = (x, y) => ({ transform: `translate(${x.toFixed(2)} ${y.toFixed(2)})` });
  const ends = (ticks) => [ticks[0], ticks[ticks.length - 1]];

  // The ellipse at a distance of two standard deviations: half axes and angle from the eigenvalues.
  function ellipse([a, b, c], center, across, up) {
    const half = Math.hypot((a - c) / 2, b);
    const angle = Math.atan2(2 * b, a - c) / 2;
    const [long, short] = [Math.sqrt((a + c) / 2 + half), Math.sqrt(Math.max((a + c) / 2 - half, 0))];
    const places = Array.from({ length: 49 }, (_, place) => {
      const turn = (place / 48) * 2 * Math.PI;
      const [p, q] = [2 * long * Math.cos(turn), 2 * short * Math.sin(turn)];
      const x = center[0] + p * Math.cos(angle) - q * Math.sin(angle);
      const y = center[1] + p * Math.sin(angle) + q * Math.cos(angle);
      return [across(x), up(y)];
    });
    return `${touch.path(places)}Z`;
  }

  function scatter(width) {
    const height = Math.min(Math.max(width * 0.8, 250), 340);
    const across = touch.scale(ends(data.x.ticks), [58, width - 12]);
    const up = touch.scale(ends(data.y.ticks), [height - 46, 10]);
    const { centers, covariances, labels, sure } = now();
    const trail = (group) => touch.path(run().slice(0, state.step + 1).map((one) => {
      const [x, y] = one.centers[group];
      return [across(x), up(y)];
    }));
    const groups = centers.map((center, group) => `${labels.filter((one) => one === group).length} points around `
      + center.map((number) => touch.fixed(number, 1)).join(", "));
    const label = `${data.y.name} against ${data.x.name}, ${centers.length} groups: ${groups.join("; ")}. ${told()}`;
    return touch.drawing(width, height, label,
      touch.axis("x", height - 42, data.x.ticks, across, data.x.name, (tick) => touch.fixed(tick, 0)),
      touch.axis("y", 54, data.y.ticks, up, data.y.name, (tick) => touch.fixed(tick, 0)),
      // A point that two groups share is drawn hollow.
      points.map(([x, y], row) => shape("path", { ...place(across(x), up(y)), d: MARKS[labels[row]],
        style: `stroke:${color(labels[row])};stroke-width:1.2px;fill:${sure[row] < 0.9 ? "none" : color(labels[row])};`
          + `fill-opacity:.55` })),
      covariances && covariances.map((covariance, group) => shape("path", {
        d: ellipse(covariance, centers[group], across, up), "data-ellipse": group,
        style: `fill:none;stroke:${color(group)};stroke-width:2px` })),
      centers.map((_, group) => shape("path", { d: trail(group),
        style: `fill:none;stroke:var(--touch-ink);stroke-width:1.5px;stroke-dasharray:3 3` })),
      centers.map(([x, y], group) => shape("g", { ...place(across(x), up(y)), "data-center": group },
        shape("path", { d: "M-8 0H8M0-8V8", style: "stroke:var(--touch-ground);stroke-width:7px" }),
        shape("path", { d: "M-8 0H8M0-8V8", style: "stroke:var(--touch-ink);stroke-width:3px" }))));
  }

  // --- The curve beside it ---

  const write = (value) => touch.fixed(value, 1);

  function curve(width) {
    const height = Math.min(Math.max(width * 0.8, 210), 340);
    // EM starts so low that nothing after the first step could be told apart.
    const from = state.method === "em" ? 1 : 0;
    const values = runs[state.method].flatMap((steps) => steps.slice(from).map(({ value }) => value));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = 0.06 * (high - low);
    const rough = (high - low) / 4;
    const unit = [1, 2, 5, 10, 20, 50, 100, 200].find((size) => size >= rough) || 500;
    const ticks = [];
    for (let tick = Math.floor((low - room) / unit); tick <= Math.ceil((high + room) / unit); tick += 1) ticks.push(tick * unit);
    const steps = last() > 40 ? [0, 20, 40, 60, 80] : last() > 16 ? [0, 10, 20, 30, 40] : [0, 4, 8, 12, 16];
    const across = touch.scale(ends(steps), [62, width - 12]);
    const onto = touch.scale(ends(ticks), [height - 46, 10]);
    const up = (value) => onto(Math.max(value, ticks[0]));
    const path = touch.path(run().slice(0, state.step + 1).map(({ value }, index) => [across(index), up(value)]));
    return touch.drawing(width, height, `${METHODS[state.method].counts} against the step. ${told()}`,
      touch.axis("x", height - 42, steps, across, "step"),
      touch.axis("y", 58, ticks, up, METHODS[state.method].counts, (tick) => touch.fixed(tick, 0)),
      shape("line", { x1: across(0), x2: across(steps[4]), y1: up(best()), y2: up(best()),
        style: "stroke:var(--touch-gray);stroke-width:1.5px;stroke-dasharray:7 5" }),
      shape("path", { d: path, style: "fill:none;stroke:var(--touch-purple);stroke-width:2.5px" }),
      shape("circle", { cx: across(state.step), cy: up(now().value), r: 5.5, style: "fill:var(--touch-purple)" }));
  }

  // --- What it says ---

  const far = () => Math.abs(final(run()) - best()) > 0.5;
  function told() {
    const { counts, settled } = METHODS[state.method];
    const value = `Step ${state.step} of ${last()}: ${counts} ${write(now().value)}.`;
    if (state.step < last()) return value;
    const end = last() < data.most_steps ? `Settled: ${settled}.` : "Here the figure stops.";
    return `${value} ${end} ${far() ? `A better start ends at ${write(best())}: this is a local optimum.`
      : "No start of this figure ends better."}`;
  }

  // --- Controls ---

  let timer = 0;
  function stop() {
    clearInterval(timer);
    state.playing = false;
  }
  function go(step) {
    state.step = Math.min(Math.max(step, 0), last());
    if (state.step === last()) stop();
    show();
    if (!state.playing) touch.say(told());
  }
  function play() {
    if (state.playing) { stop(); show(); return; }
    // Who asks for less motion is shown the end at once.
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) { go(last()); return; }
    if (state.step === last()) state.step = 0;
    state.playing = true;
    timer = setInterval(() => (stage.isConnected ? go(state.step + 1) : stop()), last() > 30 ? 200 : 700);
    show();
  }
  const change = (name, read) => (next) => { stop(); state[name] = read(next); go(0); };
  const moveTo = (step) => () => { stop(); go(step()); };
  const buttons = {
    first: touch.button("Start over", moveTo(() => 0)),
    back: touch.button("Back", moveTo(() => state.step - 1)),
    next: touch.button("Step", moveTo(() => state.step + 1)),
    play: touch.button("Play", play),
  };
  const named = Object.entries(METHODS).map(([key, { name }]) => [key, name]);
  stage.append(touch.controls(
    touch.choice("Method", named, state.method, change("method", String)),
    touch.choice("Start", starts.map(({ name }, index) => [String(index), name]), String(state.start),
      change("start", Number)),
    element("div", { style: "display:flex;flex-wrap:wrap;gap:.35rem" }, Object.values(buttons))));
  const verdict = element("p", { style: "font-weight:600;margin:.25rem 0;min-height:2.9em" });
  const panels = element("div", { style: "display:flex;flex-wrap:wrap;gap:.5rem 1rem" });
  const note = element("p", { style: "font-size:.875rem;margin:.25rem 0" });
  stage.append(verdict, panels, note);

  function show() {
    const width = Math.min(Math.max(stage.clientWidth, 280), 800);
    const wide = width > 620;
    const left = wide ? Math.round(0.56 * width) : Math.min(width, 440);
    panels.replaceChildren(scatter(left), curve(wide ? width - left - 16 : left));
    verdict.textContent = told();
    note.textContent = `Crosses: ${state.method === "em" ? "means" : "centers"}, dotted: the way they came. `
      + (state.method === "em" ? "Ellipses: two standard deviations. Hollow: less than 90% sure. The start lies below the curve's plot. " : "")
      + "Dashed: the best end of all starts.";
    // A button that is switched off would lose the keyboard's place.
    buttons.back.setAttribute("aria-disabled", String(state.step === 0));
    buttons.next.setAttribute("aria-disabled", String(state.step === last()));
    buttons.play.textContent = state.playing ? "Pause" : "Play";
  }

  touch.fit(stage, show);
  show();

  return {
    values: () => ({ ...state, ...now(), steps: last(), history: run().map(({ value }) => value), best: best(), told: told() }),
  };
}
