// The two views of the concept map: all chapters by part, and the concepts around one that was chosen.
const conceptViews = (() => {
  const { CARD, shape, wrap, textLines, camera, gestures, walker, curve, cardsOf } = conceptDrawing;
  const NARROW = 620;

  // `choose` is called with what was chosen: {chapter}, {concept} or {} for the overview.
  return (frame, model, choose) => {
    const scene = shape("g", {});
    const svg = shape("svg", { class: "concept-drawing", role: "group", "aria-label": "Concept map" }, scene);
    frame.append(svg);
    let last = { size: [1, 1], legible: 0, place: [0, 0] };
    const view = Object.assign(
      camera(svg, scene, () => {}),
      {
        fit: () =>
          view.show(
            last.size,
            0,
            last.size.map((side) => side / 2),
          ),
      },
    );
    gestures(svg, view);
    const keys = walker(svg, view, () => choose({}));

    function item(node, box, label, chosen) {
      node.setAttribute("role", "button");
      // Its name and its hint: the text that is seen may be cut.
      node.append(shape("title", {}, label));
      node.addEventListener("click", chosen);
      return { node, box, choose: chosen };
    }

    // What is near the item that is pointed at or has the focus stands out.
    function lights(node, near, lines) {
      const light = () => {
        scene.classList.add("concept-lit");
        for (const one of [...near(), ...lines]) one.classList.add("concept-near");
      };
      const dark = () => {
        scene.classList.remove("concept-lit");
        for (const one of scene.querySelectorAll(".concept-near")) one.classList.remove("concept-near");
      };
      for (const [on, off] of [
        ["pointerenter", "pointerleave"],
        ["focus", "blur"],
      ]) {
        node.addEventListener(on, () => {
          dark();
          light();
        });
        node.addEventListener(off, dark);
      }
    }

    function overview({ done, way, smooth }) {
      const narrow = frame.clientWidth < NARROW;
      const size = narrow ? model.narrowSize : model.wideSize,
        tile = narrow ? model.narrowTile : model.wideTile;
      const place = (thing) => (narrow ? thing.narrow : thing.wide);
      const box = (chapter) => ({ x: place(chapter)[0], y: place(chapter)[1], width: tile[0], height: tile[1] });
      const wires = shape("g", { class: "concept-wires" }),
        tiles = shape("g", {});
      scene.replaceChildren(wires, tiles);
      for (const part of model.parts) {
        const [x, y, width] = place(part);
        tiles.append(
          shape(
            "g",
            { "data-part": part.key, class: "concept-part-head" },
            textLines(wrap(part.title, width, 2, 14, 700), x, y + 14, 16, "concept-part-title"),
          ),
        );
      }
      const nodes = new Map(),
        made = [];
      for (const chapter of model.chapters.values()) {
        const { x, y, width, height } = box(chapter);
        const known = chapter.concepts.filter(done).length,
          wanted = chapter.concepts.filter((id) => way.has(id)).length;
        const count = wanted
          ? `${wanted} to learn`
          : known
            ? `${known} of ${chapter.concepts.length} known`
            : `${chapter.concepts.length} concepts`;
        const lines = wrap(chapter.title, width - 15, 3, 13, 600);
        const node = shape(
          "g",
          {
            class: `concept-tile${chapter.href ? "" : " concept-unwritten"}${wanted ? " concept-wanted" : ""}`,
            "data-part": chapter.part.key,
            transform: `translate(${x} ${y})`,
          },
          shape("rect", { width, height, rx: 7 }),
          known
            ? shape("rect", {
                class: "concept-share",
                x: 8,
                y: height - 6,
                height: 3,
                rx: 1.5,
                width: ((width - 16) * known) / chapter.concepts.length,
              })
            : null,
          textLines(lines, 8, 17, 15, "concept-tile-title"),
          shape("text", { x: 8, y: height - 10, class: "concept-count" }, count),
        );
        nodes.set(chapter, node);
        made.push(
          item(node, box(chapter), `${chapter.title}, ${chapter.href ? "written" : "planned"}, ${count}`, () =>
            choose({ chapter: chapter.key }),
          ),
        );
        tiles.append(node);
      }
      for (const chapter of model.chapters.values()) {
        const near = () => [chapter, ...model.chaptersBefore(chapter)].map((one) => nodes.get(one));
        const lines = chapter.needs.map((key) =>
          shape("path", { d: curve(box(model.chapters.get(key)), box(chapter)), class: "concept-wire" }),
        );
        wires.append(...lines);
        lights(nodes.get(chapter), near, lines);
      }
      svg.style.height = `${Math.ceil(size[1] * Math.min(1.15, frame.clientWidth / size[0]))}px`;
      svg.classList.add("concept-all");
      keys.set(made);
      last = { size, legible: 0, place: size.map((side) => side / 2) };
      view.show(last.size, 0, last.place, smooth);
    }

    // Concepts in cards of their chapters: `shown` by role, "goal", "before" or "opens".
    function close({ shown, done, smooth }) {
      const { cards, size } = cardsOf(
        model,
        [...model.concepts.keys()].filter((id) => shown.has(id)),
      );
      const wires = shape("g", { class: "concept-wires" }),
        plates = shape("g", {}),
        boxes = new Map(),
        nodes = new Map(),
        made = [];
      scene.replaceChildren(wires, plates);
      for (const card of cards) {
        const heading = shape(
          "g",
          { class: "concept-card-head" },
          textLines(card.lines, card.x + 14, card.y + 22, CARD.line, "concept-card-title"),
        );
        const plate = shape(
          "g",
          { class: `concept-card${card.chapter.href ? "" : " concept-unwritten"}`, "data-part": card.chapter.part.key },
          shape("rect", { x: card.x, y: card.y, width: card.width, height: card.height, rx: 9 }),
          shape("path", { class: "concept-edge", d: `M${card.x + 2.5} ${card.y + 10}v${card.height - 20}` }),
          heading,
        );
        card.ids.forEach((id, index) => {
          const role = shown.get(id),
            concept = model.concepts.get(id);
          const box = {
            x: card.x + 8,
            y: card.y + CARD.head + card.lines.length * CARD.line + index * CARD.row - 1,
            width: card.width - 16,
            height: CARD.row - 2,
          };
          const mark = done(id) ? "✓" : { before: "•", opens: "→", goal: "•" }[role];
          const told = { before: "to know before", opens: "opened by this", goal: "chosen" }[role];
          const node = shape(
            "g",
            { class: `concept-row concept-${role}${done(id) ? " concept-done" : ""}`, "data-id": id },
            shape("rect", { ...box, rx: 5 }),
            shape("text", { x: box.x + 9, y: box.y + 16, class: "concept-mark", "aria-hidden": "true" }, mark),
            shape("text", { x: box.x + 25, y: box.y + 16 }, concept.name),
          );
          boxes.set(id, box);
          nodes.set(id, node);
          made.push(
            item(node, box, `${concept.name}, ${told}${done(id) ? ", known" : ""}. ${concept.means}`, () =>
              choose({ concept: id }),
            ),
          );
          plate.append(node);
        });
        plates.append(plate);
      }
      const lines = new Map([...shown.keys()].map((id) => [id, []]));
      for (const id of shown.keys()) {
        for (const need of model.concepts.get(id).needs.filter((other) => shown.has(other))) {
          const wire = shape("path", {
            d: curve(boxes.get(need), boxes.get(id)),
            class: `concept-wire${shown.get(id) === "goal" || shown.get(need) === "goal" ? " concept-direct" : ""}`,
          });
          lines.get(id).push([wire, need]);
          lines.get(need).push([wire, id]);
          wires.append(wire);
        }
      }
      for (const [id, node] of nodes) {
        lights(
          node,
          () => [node, ...lines.get(id).map(([, other]) => nodes.get(other))],
          lines.get(id).map(([wire]) => wire),
        );
      }
      const goals = made.filter(({ node }) => node.classList.contains("concept-goal"));
      const middle = (name, side) => goals.reduce((sum, { box }) => sum + box[name] + box[side] / 2, 0) / goals.length;
      const room = Math.max(300, Math.min(600, innerHeight * 0.68));
      const legible = frame.clientWidth < NARROW ? 0.85 : 0.8;
      const scale = Math.max(legible, Math.min(1.15, frame.clientWidth / size[0]));
      svg.style.height = `${Math.round(Math.min(room, size[1] * scale))}px`;
      svg.classList.remove("concept-all");
      last = { size, legible, place: [middle("x", "width"), middle("y", "height")] };
      keys.set(made, goals[0]);
      view.show(size, legible, last.place, smooth);
    }

    function focus() {
      const node = svg.querySelector('[tabindex="0"]');
      if (node) node.focus({ preventScroll: true });
    }

    let draw = () => {};
    let width = 0;
    // A page of another width is laid out anew; whoever was on the map stays on it.
    new ResizeObserver(() => {
      if (frame.clientWidth === width) return;
      width = frame.clientWidth;
      const held = svg.contains(document.activeElement);
      draw(false);
      if (held) focus();
    }).observe(frame);
    return {
      svg,
      view,
      show(state) {
        width = frame.clientWidth;
        draw = (smooth) => (state.shown ? close({ ...state, smooth }) : overview({ ...state, smooth }));
        draw(false);
      },
      focus,
    };
  };
})();
