// What the concept map is drawn with: text that is measured, a camera that moves by pointer, pinch, wheel, keys and
// buttons, a walk from item to item by arrow keys, and the cards of the close view.
const conceptDrawing = (() => {
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const CARD = { width: 190, head: 20, line: 18, row: 25, gap: 16, between: 68 };
  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  function shape(tag, attributes, ...children) {
    const node = document.createElementNS(NAMESPACE, tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== null) node.setAttribute(name, value);
    node.append(...children.flat().filter((child) => child !== null));
    return node;
  }

  // How wide a text is drawn, in the page's own letters.
  const ruler = document.createElement("canvas").getContext("2d");
  function measure(text, size, weight = 400) {
    ruler.font = `${weight} ${size}px ${getComputedStyle(document.body).fontFamily}`;
    return ruler.measureText(text).width;
  }

  // Lines no wider than `width`, at most so many of them; what does not fit into the last one ends in an ellipsis.
  function wrap(text, width, most, size, weight) {
    const fits = (line) => measure(line, size, weight) <= width;
    const lines = [""];
    for (const word of text.split(" ")) {
      const line = lines[lines.length - 1];
      if (!line) lines[lines.length - 1] = word;
      else if (fits(`${line} ${word}`)) lines[lines.length - 1] = `${line} ${word}`;
      else lines.push(word);
    }
    if (lines.length <= most) return lines;
    let last = lines[most - 1].replace(/[\s,:]+$/, "");
    while (last.length > 1 && !fits(`${last}…`)) last = last.slice(0, -1);
    return [...lines.slice(0, most - 1), `${last}…`];
  }

  const textLines = (lines, x, y, leading, name) =>
    lines.map((line, index) => shape("text", { x, y: y + index * leading, class: name }, line));

  // A frame that shows a world larger or smaller than itself. `world` is [width, height].
  function camera(svg, scene, moved) {
    const at = { x: 0, y: 0, k: 1 };
    let world = [1, 1],
      fitted = 1,
      running = 0;

    function apply() {
      const [width, height] = [svg.clientWidth, svg.clientHeight];
      const [wide, high] = [world[0] * at.k, world[1] * at.k];
      const inside = (place, size, frame) =>
        size <= frame ? (frame - size) / 2 : Math.min(24, Math.max(frame - size - 24, place));
      at.x = inside(at.x, wide, width);
      at.y = inside(at.y, high, height);
      scene.setAttribute("transform", `translate(${at.x.toFixed(2)} ${at.y.toFixed(2)}) scale(${at.k.toFixed(4)})`);
      // A finger scrolls the page over a map that fits, and moves the map when it does not.
      svg.style.touchAction = high > height + 1 || wide > width + 1 ? "none" : "pan-y";
      moved(at);
    }
    function go(goal, smooth = true) {
      cancelAnimationFrame(running);
      const from = { ...at },
        begin = performance.now();
      if (!smooth || still()) {
        Object.assign(at, goal);
        apply();
        return;
      }
      const frame = (now) => {
        const share = Math.min(1, (now - begin) / 260),
          eased = 1 - (1 - share) ** 3;
        for (const name of ["x", "y", "k"]) at[name] = from[name] + (goal[name] - from[name]) * eased;
        apply();
        if (share < 1) running = requestAnimationFrame(frame);
      };
      running = requestAnimationFrame(frame);
    }
    const limit = (k) => Math.min(2.5, Math.max(Math.min(fitted, 1) * 0.9, k));
    function zoomed(factor, x = svg.clientWidth / 2, y = svg.clientHeight / 2) {
      const k = limit(at.k * factor),
        change = k / at.k;
      return { k, x: x - (x - at.x) * change, y: y - (y - at.y) * change };
    }
    return {
      zoom: (factor, x, y, smooth) => go(zoomed(factor, x, y), smooth),
      pan(dx, dy, smooth = false) {
        go({ ...at, x: at.x + dx, y: at.y + dy }, smooth);
      },
      // Shows all of the world, or, where that would be too small to read, the place given.
      show(size, legible, place, smooth) {
        world = size;
        fitted = Math.min(svg.clientWidth / size[0], svg.clientHeight / size[1], 1.15);
        const k = Math.max(fitted, legible);
        // What leads to a place stands left of it, and gets the larger share of the frame.
        go({ k, x: svg.clientWidth * 0.62 - place[0] * k, y: svg.clientHeight / 2 - place[1] * k }, smooth);
      },
      // Moves no more than needed for a box to be seen.
      reveal({ x, y, width, height }) {
        const shift = (low, high, frame) => (low < 12 ? 12 - low : high > frame - 12 ? frame - 12 - high : 0);
        const dx = shift(at.x + x * at.k, at.x + (x + width) * at.k, svg.clientWidth);
        const dy = shift(at.y + y * at.k, at.y + (y + height) * at.k, svg.clientHeight);
        if (dx || dy) go({ ...at, x: at.x + dx, y: at.y + dy });
      },
    };
  }

  function gestures(svg, view) {
    const fingers = new Map();
    let dragged = false;
    const spot = (event) => {
      const box = svg.getBoundingClientRect();
      return [event.clientX - box.x, event.clientY - box.y];
    };
    svg.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, spot(event));
      if (fingers.size === 1) dragged = false;
    });
    svg.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const now = spot(event);
      if (fingers.size === 1) {
        if (!dragged && Math.hypot(now[0] - before[0], now[1] - before[1]) < 6) return;
        if (!dragged) {
          dragged = true;
          svg.setPointerCapture(event.pointerId);
          svg.classList.add("concept-dragging");
        }
        view.pan(now[0] - before[0], now[1] - before[1]);
      } else {
        const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
        const [was, is] = [before, now].map((end) => Math.hypot(end[0] - other[0], end[1] - other[1]));
        dragged = true;
        view.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
        if (was > 0) view.zoom(is / was, (now[0] + other[0]) / 2, (now[1] + other[1]) / 2, false);
      }
      fingers.set(event.pointerId, now);
    });
    const ended = (event) => {
      fingers.delete(event.pointerId);
      svg.classList.remove("concept-dragging");
    };
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) svg.addEventListener(name, ended);
    // A drag that ends on a concept does not choose it.
    svg.addEventListener(
      "click",
      (event) => {
        if (dragged) {
          event.stopPropagation();
          dragged = false;
        }
      },
      true,
    );
    svg.addEventListener(
      "wheel",
      (event) => {
        // The wheel alone scrolls the page.
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        view.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0022)), ...spot(event), false);
      },
      { passive: false },
    );
  }

  // One item of the drawing is in the tab order; arrow keys go to the nearest one in their direction.
  function walker(svg, view, escape) {
    let items = [];
    const middle = ({ box }) => [box.x + box.width / 2, box.y + box.height / 2];
    function current(item, focus) {
      for (const other of items) other.node.setAttribute("tabindex", other === item ? "0" : "-1");
      if (focus) {
        item.node.focus({ preventScroll: true });
        view.reveal(item.box);
      }
    }
    function next(from, [dx, dy]) {
      const [x, y] = middle(from);
      const cost = (item) => {
        const [along, across] = [
          (middle(item)[0] - x) * dx + (middle(item)[1] - y) * dy,
          Math.abs((middle(item)[0] - x) * dy) + Math.abs((middle(item)[1] - y) * dx),
        ];
        return along < 4 ? Infinity : along + 2.5 * across;
      };
      const found = items.reduce((best, item) => (cost(item) < cost(best) ? item : best), from);
      return found === from || cost(found) === Infinity ? null : found;
    }
    svg.addEventListener("keydown", (event) => {
      // With these a key is the browser's: its zoom, back and forward.
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      const item = items.find(({ node }) => node === document.activeElement);
      if (way && event.shiftKey) view.pan(-90 * way[0], -90 * way[1], true);
      else if (way && item) {
        const to = next(item, way);
        if (to) current(to, true);
      } else if (event.key === "+" || event.key === "=") view.zoom(1.3);
      else if (event.key === "-") view.zoom(1 / 1.3);
      else if (event.key === "0") view.fit();
      else if (event.key === "Escape") escape();
      else if ((event.key === "Enter" || event.key === " ") && item) item.choose();
      else return;
      event.preventDefault();
    });
    return {
      set(made, first) {
        items = made;
        if (made.length) current(first || made[0], false);
      },
      current,
    };
  }

  // Curves from what is needed to what needs it; within a card they run down its left side.
  function curve(from, to) {
    const [y, end] = [from.y + from.height / 2, to.y + to.height / 2];
    if (from.x === to.x) {
      const out = 10 + Math.min(22, Math.abs(end - y) / 8);
      return `M${from.x} ${y}C${from.x - out} ${y} ${to.x - out} ${end} ${to.x} ${end}`;
    }
    const start = from.x < to.x ? from.x + from.width : from.x,
      stop = from.x < to.x ? to.x : to.x + to.width;
    const bend = Math.max(40, Math.abs(stop - start) / 2) * Math.sign(stop - start);
    return `M${start} ${y}C${start + bend} ${y} ${stop - bend} ${end} ${stop} ${end}`;
  }

  // Cards of chapters in columns by depth, each with those of its concepts that are shown.
  function cardsOf(model, shown) {
    const groups = new Map();
    for (const id of shown) {
      const chapter = model.concepts.get(id).chapter;
      if (!groups.has(chapter)) groups.set(chapter, []);
      groups.get(chapter).push(id);
    }
    const depths = [...new Set([...groups.keys()].map((chapter) => chapter.column))].sort((a, b) => a - b);
    const columns = depths.map((depth) => {
      const members = [...groups].filter(([chapter]) => chapter.column === depth).sort(([a], [b]) => a.row - b.row);
      // Chosen concepts are drawn bold: there must be room for any of them.
      const names = members.flatMap(([, ids]) => ids.map((id) => measure(model.concepts.get(id).name, 13, 700)));
      const width = Math.ceil(Math.max(CARD.width, ...names.map((name) => name + 52)));
      return members.map(([chapter, ids]) => {
        const lines = wrap(chapter.title, width - 28, 2, 13.5, 700);
        return { chapter, ids, lines, width, height: CARD.head + lines.length * CARD.line + ids.length * CARD.row + 8 };
      });
    });
    const tall = columns.map((cards) => cards.reduce((sum, card) => sum + card.height + CARD.gap, -CARD.gap));
    const height = Math.max(...tall);
    let x = 40;
    columns.forEach((cards, column) => {
      let y = 30 + (height - tall[column]) / 2;
      for (const card of cards) {
        Object.assign(card, { x, y });
        y += card.height + CARD.gap;
      }
      x += cards[0].width + CARD.between;
    });
    const size = [x - CARD.between + 40, height + 60];
    return { cards: columns.flat(), size };
  }

  return { CARD, shape, wrap, textLines, camera, gestures, walker, curve, cardsOf };
})();
