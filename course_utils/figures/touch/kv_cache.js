// The key-value cache of one reader against the length of the text, for multi-head, grouped-query and latent
// attention. The formulas are those of course_utils.deepseek.latent_cache.kv_cache_elements_per_token.
//
// data: {models: {name: {method, layers, heads, head_dim, groups, kv_rank, rope_dim}}, lengths, length,
//        memory: {name, bytes}}. Sizes of the two methods that a model does not use are what-ifs.
function figure(stage, data, touch) {
  const { element, shape, bytes } = touch;
  const OWN = "own sizes";
  const METHODS = [
    { method: "mha", short: "MHA", name: "multi-head", color: "gray", dash: "", mark: "square" },
    { method: "gqa", short: "GQA", name: "grouped-query", color: "orange", dash: "7 4", mark: "triangle" },
    { method: "mla", short: "MLA", name: "latent", color: "blue", dash: "2 4", mark: "circle" },
  ];
  const LABELS = {
    groups: "GQA: key-value heads", kv_rank: "MLA: latent", rope_dim: "MLA: rotary key",
    layers: "Layers", heads: "Query heads", head_dim: "Size of a head",
  };
  const upTo = (most, step = 1) => Array.from({ length: most / step }, (_, i) => step * (i + 1));
  // Where the handle of a slider may stop: the groups share the heads evenly.
  const STOPS = {
    groups: () => upTo(size.heads).filter((groups) => size.heads % groups === 0),
    kv_rank: () => upTo(2048, 32),
    rope_dim: () => upTo(128, 8),
    layers: () => upTo(128),
    heads: () => [1, 2, 4, 6, 8, 12, 16, 24, 32, 40, 48, 64, 96, 128],
    head_dim: () => [16, 32, 64, 80, 96, 128, 192, 256],
  };
  let model = Object.keys(data.models)[0];
  const size = { ...data.models[model] };
  let length = data.length; // tokens
  let number = 2; // bytes of one number

  const count = (value) => value.toLocaleString("en-US");

  function compute() {
    const perLayer = {
      mha: [`2 × ${size.heads} × ${size.head_dim}`, 2 * size.heads * size.head_dim],
      gqa: [`2 × ${size.groups} × ${size.head_dim}`, 2 * size.groups * size.head_dim],
      mla: [`${size.kv_rank} + ${size.rope_dim}`, size.kv_rank + size.rope_dim],
    };
    return METHODS.map(({ method }) => {
      const [formula, numbers] = perLayer[method];
      const elements = size.layers * numbers;
      const perToken = number * elements;
      const share = numbers / perLayer.mha[1];
      return { method, formula, numbers, elements, perToken, total: perToken * length, share,
        fits: Math.floor(data.memory.bytes / perToken) };
    });
  }

  function mark(kind, x, y, radius) {
    if (kind === "circle") return shape("circle", { cx: x, cy: y, r: radius });
    const d = kind === "square"
      ? `M${x - radius + 1},${y - radius + 1} h${2 * radius - 2} v${2 * radius - 2} h${2 - 2 * radius} z`
      : `M${x},${y - radius - 1} l${radius + 1},${2 * radius} h${-2 * radius - 2} z`;
    return shape("path", { d });
  }

  // Gives each line a place of its own: the wanted one, or 15 further on than the one before (up for direction -1).
  function spread(lines, name, wanted, direction = 1) {
    let last = -Infinity;
    for (const line of lines) {
      last = Math.max(direction * wanted(line), last + 15);
      line[name] = direction * last;
    }
  }

  // The lines, on logarithmic axes that stay while the handles move, as long as everything is on them.
  const plot = element("div", { class: "plot" });

  function drawPlot() {
    const now = compute();
    const width = Math.max(280, plot.clientWidth);
    const narrow = width < 480;
    const height = narrow ? 290 : 320;
    const [left, right, top, bottom] = [narrow ? 58 : 72, width - (narrow ? 44 : 52), 14, height - 46];
    const [shortest, longest] = [data.lengths[0], data.lengths[data.lengths.length - 1]];
    const all = now.flatMap(({ perToken }) => [perToken * shortest, perToken * longest]);
    const [low, high] = [Math.min(2 ** 25, ...all), Math.max(2 ** 42, ...all)];
    const across = touch.scale([shortest, longest].map(Math.log2), [left, right]);
    const up = touch.scale([low, high].map(Math.log2), [bottom, top]);
    const [x, y] = [(tokens) => across(Math.log2(tokens)), (value) => up(Math.log2(value))];
    const at = x(length);
    const limit = y(data.memory.bytes);
    const lines = now.map(({ perToken, total }, i) => (
      { ...METHODS[i], total, at: y(total), from: y(perToken * shortest), to: y(perToken * longest) }));
    // Names stand at the right ends of the lines, values beside the marks; both are moved apart where lines are
    // close. A narrow plot has no room for values, and the table has them.
    const [early, late] = [at < left + 80, at > right - 80];
    spread([...lines].sort((a, b) => a.to - b.to), "nameAt", (line) => line.to + 4);
    const [lowest, ...above] = [...lines].sort((a, b) => b.at - a.at);
    lowest.valueAt = lowest.at + (late ? 30 : 18);
    if (early) spread([...above.reverse(), lowest], "valueAt", (line) => line.at + 18);
    else spread(above, "valueAt", (line) => line.at - 8, -1);

    function drawLine(line) {
      const color = `var(--touch-${line.color})`;
      const toRight = early || (line === lowest && !late);
      const value = { x: at + (toRight ? 10 : -9), y: line.valueAt, "text-anchor": toRight ? "start" : "end" };
      return shape("g", { style: `stroke:${color};fill:${color}` },
        shape("line", {
          class: "line", x1: left, y1: line.from, x2: right, y2: line.to, "stroke-dasharray": line.dash,
        }),
        mark(line.mark, at, line.at, 6),
        narrow ? null : shape("text", { class: "value", ...value }, bytes(line.total)),
        shape("text", { class: "name", x: right + 6, y: line.nameAt, style: `fill:${color}` }, line.short));
    }
    function drawTick(value) {
      return [
        shape("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
        shape("text", { class: "tick", x: left - 7, y: y(value) + 4, "text-anchor": "end" },
          bytes(value).replace(/\.0+/, "")),
      ];
    }
    const thousands = (tokens) => `${count(tokens / 1000)} k`;
    const told = "Cache against the length of the text, both axes logarithmic: three parallel rising lines. "
      + `${said(now)}. ${data.memory.name}: ${bytes(data.memory.bytes)}.`;
    plot.replaceChildren(touch.drawing(width, height, told,
      shape("rect", { class: "beyond", x: left, width: right - left, y: top, height: Math.max(0, limit - top) }),
      upTo(60, 5).map((power) => 2 ** power).filter((value) => value >= low && value <= high).map(drawTick),
      touch.axis("x", bottom, data.lengths.filter((_, i) => i % (narrow ? 5 : 2) === 0), x,
        "length of the text (tokens)", thousands),
      shape("line", { class: "limit", x1: left, x2: right, y1: limit, y2: limit }),
      shape("line", { class: "now", x1: at, x2: at, y1: top, y2: bottom }),
      lines.map(drawLine),
      shape("text", { class: "limit-name", x: left + 6, y: limit - 6 }, data.memory.name)));
  }

  const said = (now) => `At ${count(length)} tokens: `
    + now.map(({ total }, i) => `${METHODS[i].name} ${bytes(total)}`).join(", ");

  // The same in numbers, and where they come from.
  const table = element("div", { class: "touch-scroll" });
  const story = element("p", { class: "story" });

  function drawTable() {
    const now = compute();
    const published = model === OWN ? null : data.models[model].method;
    const rows = [
      [`at ${count(length)} tokens`, ({ total }) => element("strong", {}, bytes(total))],
      ["per token", ({ perToken }) => bytes(perToken)],
      ["numbers, per token and layer",
        ({ formula, numbers }) => [`${formula} `, element("span", {}, `= ${count(numbers)}`)]],
      ["share of multi-head", ({ share }) => (share === 1 ? "all" : `${(100 * share).toPrecision(3)} %`)],
      [`tokens until ${data.memory.name} is full`, ({ fits }) => count(fits)],
    ];
    const icon = ({ mark: kind, color }) => shape("svg", {
      viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true", style: `fill:var(--touch-${color})`,
    }, mark(kind, 8, 8, 6));
    const head = METHODS.map((look) => element("th", { scope: "col" }, icon(look), look.short,
      element("span", { class: "full" }, look.name),
      look.method === published ? element("span", { class: "tag" }, "as published") : null));
    table.replaceChildren(element("table", {},
      element("thead", {}, element("tr", {}, element("td", {}), head)),
      element("tbody", {}, rows.map(([name, cell]) => element("tr", {},
        element("th", { scope: "row" }, name), now.map((one) => element("td", {}, cell(one))))))));
    const equal = now[2].numbers / (2 * size.head_dim);
    story.textContent = [
      published ? `${model} was built the tagged way; the other two columns are what it could have been.` : "",
      `The model has ${size.layers} layers.`,
      "Grouped-query attention with a cache of the latent's size would have",
      `${Number(equal.toFixed(2))} key-value heads.`,
    ].join(" ").trim();
  }

  function show() {
    drawPlot();
    drawTable();
  }
  function changed() {
    show();
    touch.say(said(compute()));
  }

  const sliders = {};
  function slide(name) {
    // A published size between two stops becomes a stop.
    const stops = [...new Set([...STOPS[name](), size[name]])].sort((a, b) => a - b);
    sliders[name] = touch.slider(LABELS[name], {
      min: 0, max: stops.length - 1, value: stops.indexOf(size[name]), format: (i) => count(stops[i]),
    }, (i) => resize(name, stops[i]));
    return sliders[name];
  }
  const renew = (name) => sliders[name].replaceWith(slide(name));

  function resize(name, value) {
    size[name] = value;
    if (name === "heads") {
      size.groups = STOPS.groups().filter((groups) => groups <= size.groups).pop();
      renew("groups");
    }
    // The published model stays itself while only a what-if changes.
    const uses = { groups: "gqa", kv_rank: "mla", rope_dim: "mla" }[name];
    if (model !== OWN && (!uses || uses === data.models[model].method)) {
      model = OWN;
      models.set(OWN);
    }
    changed();
  }

  const names = [...Object.keys(data.models), OWN];
  const models = touch.choice("Model", names.map((name) => [name, name]), model, (name) => {
    model = name;
    if (name !== OWN) {
      Object.assign(size, data.models[name]);
      Object.keys(LABELS).forEach(renew);
    }
    changed();
  });
  const context = touch.slider("Length of the text", {
    min: 0, max: data.lengths.length - 1, value: data.lengths.indexOf(length),
    format: (i) => `${count(data.lengths[i])} tokens`,
  }, (i) => { length = data.lengths[i]; changed(); });
  context.classList.add("wide");
  const width = touch.choice("Bytes of a number", [["1", "1"], ["2", "2"], ["4", "4"]], String(number),
    (value) => { number = Number(value); changed(); });

  stage.classList.add("touch-cache");
  stage.append(element("style", {}, STYLE), touch.controls(models), touch.controls(context), plot, table, story,
    touch.controls(...Object.keys(LABELS).map(slide), width));
  show();
  touch.fit(plot, drawPlot);
  const methods = () => Object.fromEntries(compute().map((one) => [one.method, one]));
  return { values: () => ({ methods: methods(), size: { ...size }, model, length, number }) };
}

const STYLE = `
.touch-cache .wide { flex: 1 1 100%; max-width: 34rem; }
.touch-cache .plot { margin: 0 0 .75rem; }
.touch-cache .beyond { fill: var(--touch-raised); }
.touch-cache .grid { stroke: var(--touch-line); stroke-width: .5px; }
.touch-cache .limit { stroke: var(--touch-ink); stroke-dasharray: 1 3; stroke-width: 1.5px; }
.touch-cache .now { stroke: var(--touch-muted); stroke-width: 1px; }
.touch-cache .line { stroke-width: 2.5px; }
.touch-cache svg .tick { fill: var(--touch-muted); font-size: 12px; }
.touch-cache svg .limit-name { font-size: 12px; stroke: var(--touch-raised); stroke-width: 4px; paint-order: stroke; }
.touch-cache svg .name { font-weight: 700; stroke: none; }
.touch-cache svg .value { font-weight: 700; stroke: var(--touch-ground); stroke-width: 4px; paint-order: stroke; }
.touch-cache table { width: 100%; max-width: 44rem; font-size: clamp(.75rem, 3.2vw, .875rem); }
.touch-cache :is(th, td) { padding: .25rem min(.5rem, 1vw); }
.touch-cache thead :is(th, td) { vertical-align: bottom; font-weight: 600; }
.touch-cache thead svg { display: inline-block; vertical-align: -2px; margin-right: .35rem; }
.touch-cache tbody th { text-align: left; font-weight: 400; color: var(--touch-muted); padding-left: 0; }
.touch-cache :is(td span, strong) { white-space: nowrap; }
.touch-cache .full { display: block; font-weight: 400; font-size: .75rem; color: var(--touch-muted); }
.touch-cache .tag {
  display: block; width: fit-content; margin: .1rem 0 0 auto; padding: .05rem .4rem; font-size: .75rem;
  font-weight: 400; border: 1px solid var(--touch-line); border-radius: .6rem;
}
.touch-cache .story { margin: .6rem 0 .9rem; color: var(--touch-muted); }
`;
