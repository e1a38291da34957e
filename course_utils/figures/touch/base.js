// What every figure that can be touched is made of: elements, controls that work by mouse, touch and keyboard,
// scales, axes, and a voice for screen readers. A figure is a function (root, data, touch) that draws into root.
const touch = (() => {
  const NAMESPACE = "http://www.w3.org/2000/svg";

  // Each figure brings its own copy of this script, and names must differ on the whole page.
  const fresh = (kind) => `touch-${kind}-${(window.touchControls = (window.touchControls || 0) + 1)}`;

  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  }
  const element = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const shape = (tag, attributes, ...children) => fill(document.createElementNS(NAMESPACE, tag), attributes, children);

  // A drawing whose content is told in one sentence; what matters in it is also said or written as text.
  function drawing(width, height, label, ...children) {
    const attributes = { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label };
    return shape("svg", attributes, ...children);
  }

  // A line through places [x, y], as the text of a path.
  const path = (places) => places.map(([x, y], at) => `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

  // What the marks of a drawing stand for, from pairs [mark, text]; `line` is the mark of a line of some style.
  const line = (style) => shape("line", { x1: -12, x2: 12, y1: 0, y2: 0, style });
  function legend(pairs) {
    const icon = (mark) => shape("svg", { viewBox: "-13 -8 26 16", width: 26, height: 16, "aria-hidden": "true",
      style: "display:inline-block;vertical-align:-3px" }, mark);
    return element("p", { style: "display:flex;flex-wrap:wrap;gap:.1rem 1rem;font-size:.875rem;margin:.25rem 0 .75rem" },
      pairs.map(([mark, text]) => element("span", {}, icon(mark), ` ${text}`)));
  }

  // Numbers as they are printed: a real minus, and no minus zero.
  function fixed(value, digits = 2) {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "none" : value > 0 ? "∞" : "−∞";
    const text = value.toFixed(digits);
    return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
  }

  // Bytes in powers of 1024, to three digits.
  function bytes(count) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = 0;
    while (Math.round(count) >= 1024 && power < units.length - 1) { count /= 1024; power += 1; }
    const digits = power === 0 || count >= 99.95 ? 0 : count >= 9.995 ? 1 : 2;
    return `${count.toFixed(digits)} ${units[power]}`;
  }

  function scale([low, high], [start, end]) {
    return (value) => start + ((value - low) / (high - low)) * (end - start);
  }

  // An axis: along x below a plot, or along y beside it. `ticks` are values, `place` a scale, `label` what it
  // counts and in which unit. It ends at the last tick, or at the value `last` behind it.
  function axis(along, at, ticks, place, label, format = (value) => String(value), last = ticks[ticks.length - 1]) {
    const ends = [place(ticks[0]), place(last)];
    const middle = (ends[0] + ends[1]) / 2;
    const horizontal = along === "x";
    return shape("g", { class: "touch-axis" },
      shape("line", horizontal
        ? { x1: ends[0], x2: ends[1], y1: at, y2: at }
        : { x1: at, x2: at, y1: ends[0], y2: ends[1] }),
      ticks.map((tick) => shape("text", horizontal
        ? { x: place(tick), y: at + 17, "text-anchor": "middle" }
        : { x: at - 7, y: place(tick) + 4, "text-anchor": "end" }, format(tick))),
      shape("text", horizontal
        ? { x: middle, y: at + 36, "text-anchor": "middle" }
        : { x: 0, y: 0, "text-anchor": "middle", transform: `translate(${at - 44} ${middle}) rotate(-90)` }, label));
  }

  // Each control calls back with its new value, and can be set: slider.set(3).
  function slider(label, { min, max, step = 1, value, format = String }, changed) {
    const id = fresh("control");
    const shown = element("output", { for: id }, format(value));
    const input = element("input", { id, type: "range", min, max, step, value, "aria-valuetext": format(value) });
    function show() {
      shown.textContent = format(Number(input.value));
      input.setAttribute("aria-valuetext", format(Number(input.value)));
    }
    input.addEventListener("input", () => { show(); changed(Number(input.value)); });
    const node = element("div", { class: "touch-slider" }, element("label", { for: id }, `${label}: `, shown), input);
    return Object.assign(node, { set(next) { input.value = next; show(); } });
  }

  function choice(label, options, value, changed) {
    const name = fresh("choice");
    const radio = (key) => (
      { type: "radio", name, value: key, checked: key === value, onchange: () => changed(key) });
    const inputs = options.map(([key, text]) => element("label", {}, element("input", radio(key)), text));
    const node = element("fieldset", {},
      element("legend", {}, label), element("div", { class: "touch-choices" }, inputs));
    return Object.assign(node, {
      set(next) { for (const input of node.querySelectorAll("input")) input.checked = input.value === next; },
    });
  }

  const button = (label, pressed, attributes = {}) => (
    element("button", { type: "button", onclick: pressed, ...attributes }, label));

  function field(label, value, changed) {
    const id = fresh("control");
    const input = element("input", { id, type: "text", value, autocomplete: "off", spellcheck: "false" });
    input.addEventListener("input", () => changed(input.value));
    const node = element("div", { class: "touch-field" },
      element("label", { for: id }, label), element("div", {}, input));
    return Object.assign(node, { set(next) { input.value = next; } });
  }

  const controls = (...nodes) => element("div", { class: "touch-controls" }, ...nodes);

  // With Ctrl, Cmd or Alt a key is the browser's: back, forward, zoom.
  const alone = (event) => !event.ctrlKey && !event.metaKey && !event.altKey;

  // Lets arrow keys move among items that can also be clicked: one of them is in the tab order at a time.
  function walk(items, chosen, first = 0) {
    const enter = (index) => items.forEach((item, place) => {
      item.setAttribute("tabindex", place === index ? "0" : "-1");
    });
    enter(first);
    items.forEach((item, index) => {
      item.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        const next = event.key === "Home" ? 0 : event.key === "End" ? items.length - 1 : step && index + step;
        if (next === undefined || !items[next] || !alone(event)) return;
        event.preventDefault();
        items[next].focus();
      });
      item.addEventListener("focus", () => { enter(index); chosen(index); });
      item.addEventListener("click", () => chosen(index));
    });
  }

  // Draws again whenever the element gets another width; `draw` may change its height.
  function fit(node, draw) {
    let width = node.clientWidth;
    new ResizeObserver(() => {
      if (node.clientWidth === width) return;
      width = node.clientWidth;
      requestAnimationFrame(draw);
    }).observe(node);
  }

  // A key alone is the figure's, and so is "undo" in a text field; any other, and Escape, is the page's.
  function keepKeys(root) {
    const undoes = (event) => event.key.toLowerCase() === "z" && event.target.matches("[type=text]");
    const own = (event) => event.key !== "Escape" && (alone(event) || undoes(event));
    // By this attribute JupyterLab and Jupyter Notebook know keys that are not their shortcuts. Notebook looks for it
    // before a listener in the page could stop the key, so it is set on the way down.
    const mark = (event) => root.toggleAttribute("data-lm-suppress-shortcuts", own(event));
    root.addEventListener("focusin", () => window.addEventListener("keydown", mark, true));
    root.addEventListener("focusout", () => window.removeEventListener("keydown", mark, true));
    root.addEventListener("keydown", (event) => { if (own(event)) event.stopPropagation(); });
  }

  // Starts a figure. What it returns is kept as root.touch, for tests: {values()} gives the numbers that are shown.
  function start(root, draw, data) {
    const said = element("div", { class: "touch-said", "aria-live": "polite" });
    let waiting = 0;
    const say = (text) => { clearTimeout(waiting); waiting = setTimeout(() => { said.textContent = text; }, 250); };
    keepKeys(root);
    root.querySelector(".touch-stage").replaceChildren();
    root.touch = draw(root.querySelector(".touch-stage"), data, { ...tools, say });
    root.append(said);
  }

  const tools = {
    element, shape, drawing, path, line, legend, fixed, bytes, scale, axis, slider, choice, button, field, controls,
    alone, walk, fit,
  };
  return { ...tools, start };
})();
