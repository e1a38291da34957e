// Sample size, tolerance, confidence: any two decide the third. A score is the share of right answers of a model on
// test examples. Hoeffding's inequality bounds the probability that it is off by more than the tolerance; beside it
// stands the exact probability for one model of a given accuracy (a binomial).
// data.samples: the sizes that the slider goes through. data.start: {samples, tolerance, confidence, models, accuracy}
// with the tolerance in percentage points. data.confidence_choices, data.models_choices, data.accuracy_choices: [value,
// text] to choose from.
function figure(stage, data, touch) {
  const { element, shape } = touch;
  const state = { ...data.start };
  const most = data.samples[data.samples.length - 1];
  const FLOOR = 1e-6;

  // --- The numbers ---

  const share = () => state.tolerance / 100;
  const failure = () => 1 - state.confidence;
  const bound = (samples) => Math.min(1, 2 * state.models * Math.exp(-2 * samples * share() ** 2));
  const logarithm = () => Math.log((2 * state.models) / failure());
  const needed = () => Math.ceil(logarithm() / (2 * share() ** 2));
  const reached = (samples) => Math.sqrt(logarithm() / (2 * samples));

  const logFactorial = new Float64Array(most + 1);
  for (let number = 2; number <= most; number += 1) logFactorial[number] = logFactorial[number - 1] + Math.log(number);

  // Probability that of `samples` answers so many are right that the score is off by more than the tolerance.
  function exact(samples) {
    const chance = state.accuracy;
    const mass = (right) => Math.exp(logFactorial[samples] - logFactorial[right] - logFactorial[samples - right]
      + right * Math.log(chance) + (samples - right) * Math.log(1 - chance));
    const [low, high] = [samples * (chance - share()), samples * (chance + share())];
    let sum = 0;
    for (let right = Math.floor(high + 1e-9) + 1; right <= samples; right += 1) sum += mass(right);
    for (let right = Math.ceil(low - 1e-9) - 1; right >= 0; right -= 1) sum += mass(right);
    return Math.min(1, sum);
  }

  const written = (samples) => samples.toLocaleString("en-US");
  const percent = (value, digits = 1) => `${touch.fixed(100 * value, digits)}%`;
  // A probability to two digits: 0.037, 0.00042, 3e-9.
  function small(value) {
    if (value === 0) return "0";
    return value < 1e-4 ? value.toExponential(0) : String(Number(value.toPrecision(2)));
  }
  const tidy = (value) => percent(value, Math.abs(100 * value - Math.round(100 * value)) > 1e-9 ? 1 : 0);

  // --- The plot ---

  const LINES = {
    bound: "fill:none;stroke:var(--touch-orange);stroke-width:3px",
    exact: "fill:none;stroke:var(--touch-blue);stroke-width:2px;stroke-dasharray:2 3",
    allowed: "stroke:var(--touch-ink);stroke-width:1.5px;stroke-dasharray:7 5",
    chosen: "stroke:var(--touch-gray);stroke-width:1.5px",
  };

  function plot() {
    const width = Math.min(Math.max(stage.clientWidth, 280), 740);
    const height = Math.min(Math.max(width * 0.5, 250), 350);
    const decades = [1, 2, 3, 4].filter((power) => 10 ** power <= most);
    const x = touch.scale([1, Math.log10(most)], [64, width - 16]);
    const y = touch.scale([Math.log10(FLOOR), 0], [height - 46, 12]);
    const across = (samples) => x(Math.log10(samples));
    const up = (chance) => y(Math.log10(Math.max(chance, FLOOR)));
    const curve = (chance, style, points) => {
      const places = [];
      for (const samples of points) {
        const value = chance(samples);
        places.push([across(samples), up(value)]);
        if (value <= FLOOR) break;
      }
      return shape("path", { d: touch.path(places), style });
    };
    const fine = Array.from({ length: 160 }, (_, step) => 10 ** (1 + (step / 159) * (Math.log10(most) - 1)));
    const at = state.samples;
    const ticks = [0, -2, -4, -6];
    const power = (exponent) => (exponent ? `10⁻${"⁰¹²³⁴⁵⁶"[-exponent]}` : "1");
    const label = `Probability that a score is off by more than ${state.tolerance} percentage points, against the`
      + ` number of test examples, both axes logarithmic: Hoeffding's bound and the exact value. ${told()}`;
    const count = (exponent) => written(10 ** exponent);
    return touch.drawing(width, height, label,
      touch.axis("x", height - 42, decades, x, "test examples", count, Math.log10(most)),
      touch.axis("y", 60, ticks, y, "probability of being off", power),
      shape("line", { x1: across(at), x2: across(at), y1: y(-6), y2: y(0), style: LINES.chosen }),
      shape("line", { x1: x(1), x2: across(most), y1: up(failure()), y2: up(failure()), style: LINES.allowed }),
      curve(exact, LINES.exact, data.samples),
      curve(bound, LINES.bound, fine),
      shape("circle", { cx: across(at), cy: up(bound(at)), r: 6, style: "fill:var(--touch-orange)" }));
  }

  const legend = touch.legend([
    [touch.line(LINES.bound), "Hoeffding's bound"], [touch.line(LINES.exact), "exact, for one model"],
    [touch.line(LINES.allowed), "what the confidence allows"], [touch.line(LINES.chosen), "your number of examples"],
  ]);

  // --- What it says ---

  const enough = () => needed() <= state.samples;
  const told = () => `With ${written(state.samples)} examples the bound is ${small(bound(state.samples))}, and `
    + `${tidy(state.confidence)} confidence allows ${small(failure())}: ${enough() ? "enough" : "not enough"}.`;

  function answers() {
    const LEFT = "text-align:left;font-weight:400;padding:.25rem .3rem";
    const rows = [
      ["needed", "test examples needed for this tolerance and confidence", written(needed())],
      ["reached", "tolerance reached with these examples at this confidence", `± ${touch.fixed(Math.min(100, 100 * reached(state.samples)), 1)} points`],
      ["bound", "bound on the probability of being off by more", small(bound(state.samples))],
      ["exact", "exact probability, for one model of this accuracy", small(exact(state.samples))],
    ].map(([name, text, value]) => element("tr", { "data-row": name },
      element("th", { scope: "row", style: LEFT }, text),
      element("td", { style: "padding:.25rem .3rem;font-weight:700;white-space:nowrap" }, value)));
    return element("table", {}, element("tbody", {}, rows));
  }

  // --- Controls ---

  const change = (name, read = Number) => (next) => { state[name] = read(next); show(); touch.say(told()); };
  const keyed = ([value, text]) => [String(value), text];
  const pick = (label, name) => (
    touch.choice(label, data[`${name}_choices`].map(keyed), String(state[name]), change(name)));
  stage.append(touch.controls(
    touch.slider("Test examples", { min: 0, max: data.samples.length - 1, value: data.samples.indexOf(state.samples),
      format: (place) => written(data.samples[place]) }, change("samples", (place) => data.samples[place])),
    touch.slider("Tolerance", { min: 1, max: 30, value: state.tolerance,
      format: (points) => `± ${points} percentage points` }, change("tolerance")),
    pick("Confidence", "confidence"),
    pick("Models that were compared", "models"),
    pick("Accuracy of the model", "accuracy"),
  ));
  const drawn = element("div", {});
  const result = element("div", {});
  const verdict = element("p", { style: "font-weight:600;margin:.25rem 0" });
  stage.append(drawn, legend, verdict, result);

  function show() {
    drawn.replaceChildren(plot());
    verdict.textContent = told();
    result.replaceChildren(answers());
  }

  touch.fit(stage, show);
  show();

  return {
    values: () => ({ ...state, needed: needed(), reached: reached(state.samples), bound: bound(state.samples),
      exact: exact(state.samples), enough: enough() }),
  };
}
