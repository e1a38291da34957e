// The page of the concept map. The list of concepts on the page is complete without this script; from it the script
// makes a map, a search, and the shortest way to a concept from what the reader has marked as known.
(() => {
  const frame = document.querySelector(".concept-map");
  const list = document.querySelector(".concept-list");
  if (!frame || !list) return;
  const { element, plural, read, finished, progressOf } = conceptModel;
  const model = read(frame, list);
  const shortestWay = (goal, known) => conceptModel.shortestWay(model, goal, known);
  const before = (goal) => shortestWay(goal, () => false).filter((id) => id !== goal);
  const { kept, keep, known } = conceptModel.memory(model);

  function mark(ids, value) {
    for (const id of ids) kept.marks[id] = value;
    keep();
    // The panel is made anew: the focus stays where the reader is, or goes to what is next on the way.
    const held = panel.contains(document.activeElement);
    show();
    const same = [...panel.querySelectorAll("input")].find((input) => ids.length === 1 && input.value === ids[0]);
    if (held) (same || panel.querySelector("section input, button, input")).focus({ preventScroll: true });
  }

  const status = element("p", { class: "concept-status", role: "status" });
  const panel = element("div", { class: "concept-panel" });
  const stage = element("div", { class: "concept-frame" });
  let chosen = {};

  const conceptLink = (id) => element("a", { href: `#concept-${id}`, "data-id": id }, model.concepts.get(id).name);
  const chapterName = (chapter) =>
    chapter.href
      ? element("a", { href: chapter.href }, chapter.title)
      : [chapter.title, " ", element("span", { class: "concept-planned" }, "planned")];
  const box = (id, label) =>
    element(
      "label",
      { class: "concept-check" },
      element("input", {
        type: "checkbox",
        value: id,
        checked: known(id),
        onchange: (event) => mark([id], event.target.checked),
      }),
      label,
    );

  function byChapter(ids) {
    const groups = new Map();
    for (const id of ids) {
      const { chapter } = model.concepts.get(id);
      groups.set(chapter, [...(groups.get(chapter) || []), id]);
    }
    return groups;
  }

  // Concepts under their chapters, in reading order; those of `way` can be ticked off.
  const grouped = (ids, name, ticks) =>
    element(
      "ol",
      { class: name },
      [...byChapter(ids)].map(([chapter, members]) =>
        element(
          "li",
          { "data-part": chapter.part.key },
          element(
            "p",
            { class: "concept-chapter" },
            chapterName(chapter),
            chapter.href && chapter.minutes ? ` ${chapter.minutes} min` : null,
          ),
          element(
            "ul",
            {},
            members.map((id) =>
              element(
                "li",
                { "data-id": id },
                ticks
                  ? box(id, [element("span", { class: "concept-hidden" }, `I know ${model.concepts.get(id).name}`)])
                  : null,
                conceptLink(id),
                !ticks && known(id) ? " ✓ known" : null,
              ),
            ),
          ),
        ),
      ),
    );

  function cost(ids) {
    const chapters = [...byChapter(ids).keys()],
      written = chapters.filter((chapter) => chapter.href);
    const minutes = written.reduce((sum, chapter) => sum + chapter.minutes, 0),
      planned = chapters.length - written.length;
    return [
      `${plural(ids.length, "concept")} in ${plural(chapters.length, "chapter")}. `,
      written.length
        ? `${plural(written.length, "chapter")} can be read today, about ${minutes} minutes in whole. `
        : "",
      planned
        ? `${plural(planned, "chapter")} of these ${planned === 1 ? "is" : "are"} planned: no time is known yet.`
        : "",
    ].join("");
  }

  function conceptPanel(id) {
    const concept = model.concepts.get(id),
      way = shortestWay(id, known),
      all = before(id);
    return [
      element(
        "div",
        { class: "concept-about", "data-part": concept.chapter.part.key },
        element("h2", { tabindex: "-1" }, concept.name),
        element("p", {}, concept.means),
        element(
          "p",
          { class: "concept-where" },
          "Taught in ",
          chapterName(concept.chapter),
          ". ",
          concept.term && element("a", { href: concept.term.getAttribute("href") }, concept.term.textContent),
        ),
        box(id, "I know this"),
      ),
      element(
        "section",
        {},
        element("h3", {}, "Everything before it"),
        all.length
          ? element(
              "details",
              { class: "hide" },
              element("summary", {}, plural(all.length, "concept"), ", in reading order"),
              grouped(all, "concept-before", false),
            )
          : element("p", {}, "Nothing: one can begin here."),
        element("h3", {}, "What it opens"),
        concept.opens.length
          ? grouped(concept.opens, "concept-opens", false)
          : element("p", {}, "No other concept needs it directly."),
      ),
      element(
        "section",
        { class: "concept-route" },
        element("h3", {}, "Shortest way"),
        way.length
          ? [element("p", {}, cost(way)), grouped(way, "concept-way", true)]
          : element("p", { class: "concept-there" }, "You are there: you marked it as known."),
      ),
    ];
  }

  function chapterPanel(key) {
    const chapter = model.chapters.get(key),
      left = chapter.concepts.filter((id) => !known(id));
    const points = kept.progress[key];
    return [
      element(
        "div",
        { class: "concept-about", "data-part": chapter.part.key },
        element("h2", { tabindex: "-1" }, chapter.title),
        element(
          "p",
          {},
          `${chapter.part.title}. `,
          chapter.href ? element("a", { href: chapter.href }, "Read the chapter") : "This chapter is planned",
          chapter.minutes ? `, about ${chapter.minutes} minutes.` : ".",
        ),
        points && element("p", {}, `Your exercise: ${points.points} of ${points.max_points} points.`),
        element(
          "button",
          { type: "button", onclick: () => mark(chapter.concepts, left.length > 0) },
          left.length ? "I know all of this chapter" : "Unmark this chapter",
        ),
      ),
      element(
        "section",
        {},
        element("h3", {}, "Its concepts"),
        element(
          "ul",
          { class: "concept-members" },
          chapter.concepts.map((id) =>
            element(
              "li",
              { "data-id": id },
              box(id, element("span", { class: "concept-hidden" }, `I know ${model.concepts.get(id).name}`)),
              conceptLink(id),
            ),
          ),
        ),
      ),
      element(
        "section",
        {},
        element("h3", {}, "Chapters to read before"),
        chapter.needs.length
          ? element(
              "ul",
              {},
              chapter.needs.map((need) => element("li", {}, chapterName(model.chapters.get(need)))),
            )
          : element("p", {}, "None: one can begin here."),
      ),
    ];
  }

  // What the map shows around the chosen concept or chapter, by role.
  function around() {
    const shown = new Map(),
      put = (ids, role) => ids.forEach((id) => shown.has(id) || shown.set(id, role));
    if (chosen.concept) {
      put([chosen.concept], "goal");
      put(before(chosen.concept), "before");
      put(model.concepts.get(chosen.concept).opens, "opens");
    } else if (chosen.chapter) {
      const own = model.chapters.get(chosen.chapter).concepts;
      put(own, "goal");
      put(
        own.flatMap((id) => model.concepts.get(id).needs),
        "before",
      );
      put(
        own.flatMap((id) => model.concepts.get(id).opens),
        "opens",
      );
    }
    return shown.size ? shown : null;
  }

  let fromMap = false;
  const drawing = conceptViews(stage, model, (what) => {
    fromMap = true;
    location.hash = what.concept ? `concept-${what.concept}` : what.chapter ? `chapter-${what.chapter}` : "map";
  });

  function show() {
    const way = new Set(chosen.concept ? shortestWay(chosen.concept, known) : []);
    drawing.show({ shown: around(), done: known, way });
    drawing.svg.setAttribute(
      "aria-label",
      chosen.concept
        ? `Concept map around ${model.concepts.get(chosen.concept).name}`
        : chosen.chapter
          ? `Concept map of the chapter ${model.chapters.get(chosen.chapter).title}`
          : "Concept map: all chapters",
    );
    panel.replaceChildren(
      ...(chosen.concept ? conceptPanel(chosen.concept) : chosen.chapter ? chapterPanel(chosen.chapter) : []),
    );
    panel.hidden = !panel.childElementCount;
    overviewButton.disabled = !chosen.concept && !chosen.chapter;
    const total = [...model.concepts.keys()].filter(known).length;
    count.textContent = `You know ${total} of the ${model.concepts.size} concepts, by your marks.`;
    forget.disabled = !Object.keys(kept.marks).length && !Object.keys(kept.progress).length;
    status.textContent = told();
  }

  // One sentence about what the map shows.
  function told() {
    if (chosen.concept) {
      const { name, opens } = model.concepts.get(chosen.concept);
      const count = plural(before(chosen.concept).length, "concept");
      const next = plural(opens.length, "concept");
      return `${name}: ${count} before it (•), ${next} that it opens (→). Known ones bear a ✓.`;
    }
    if (chosen.chapter) {
      const { title, concepts } = model.chapters.get(chosen.chapter);
      const count = plural(concepts.length, "concept");
      return `${title}: ${count}, what they need and what they open (→). Choose one to see all that leads to it.`;
    }
    const begin = `${model.chapters.size} chapters. Point at one to see what it builds on; choose it to see its`;
    return `${begin} concepts. Planned chapters have a dashed border.`;
  }

  // What the address asks for; one that cannot be read, such as "#50%", asks for nothing.
  function asked() {
    try {
      return decodeURIComponent(location.hash.slice(1));
    } catch {
      return "";
    }
  }

  function follow(move) {
    const hash = asked(),
      name = hash.replace(/^(concept|chapter)-/, "");
    chosen =
      hash.startsWith("concept-") && model.concepts.has(name)
        ? { concept: name }
        : hash.startsWith("chapter-") && model.chapters.has(name)
          ? { chapter: name }
          : {};
    show();
    if (fromMap) drawing.focus();
    else if (move && hash) frame.scrollIntoView({ block: "start" });
    fromMap = false;
  }

  const count = element("p", {}),
    said = element("p", { role: "status" });
  const forget = element(
    "button",
    {
      type: "button",
      onclick: () => {
        Object.assign(kept, { marks: {}, progress: {} });
        keep();
        said.textContent = "All marks are gone.";
        show();
      },
    },
    "Forget all marks",
  );
  const file = element("input", {
    type: "file",
    id: "concept-progress",
    accept: ".json,application/json",
    onchange: async () => {
      if (!file.files.length) return;
      try {
        kept.progress = progressOf(await file.files[0].text(), model);
        keep();
        const full = Object.values(kept.progress).filter(finished).length;
        said.textContent = `Loaded: ${plural(full, "chapter")} with full points. Their concepts count as known.`;
      } catch (error) {
        said.textContent =
          `${file.files[0].name} was not loaded. ${error.message} ` + "Make the file with: course progress --json";
      }
      file.value = "";
      show();
    },
  });
  const progress = element(
    "details",
    { class: "concept-progress hide" },
    element("summary", {}, "What you know already"),
    count,
    element(
      "p",
      {},
      "Tick concepts on this page, or load your points: the command ",
      element("code", {}, "course progress --json > progress.json"),
      " writes them. A chapter whose exercise has full points counts as known. ",
      "Your marks and points stay in this browser; nothing leaves this machine.",
    ),
    element(
      "p",
      { class: "concept-file" },
      element("label", { for: "concept-progress" }, "Progress file "),
      file,
      forget,
    ),
    said,
  );

  const overviewButton = element(
    "button",
    {
      type: "button",
      onclick: () => {
        location.hash = "map";
      },
    },
    "All chapters",
  );
  const zoomButton = (sign, label, act) =>
    element("button", { type: "button", "aria-label": label, title: label, onclick: act }, sign);
  frame.append(
    element(
      "div",
      { class: "concept-bar" },
      conceptSearch(model),
      element(
        "div",
        { class: "concept-buttons", role: "group", "aria-label": "View" },
        overviewButton,
        zoomButton("−", "Zoom out", () => drawing.view.zoom(1 / 1.3)),
        zoomButton("+", "Zoom in", () => drawing.view.zoom(1.3)),
        zoomButton("Fit", "Fit all of it into view", () => drawing.view.fit()),
      ),
    ),
    status,
    stage,
    element(
      "p",
      { class: "concept-keys" },
      "Drag to move. Zoom with the buttons, two fingers, or Ctrl and the wheel. Keys: arrows go from one to the next, ",
      "Enter chooses, Shift and arrows move, + − 0 zoom, Escape shows all chapters.",
    ),
    panel,
    progress,
  );
  frame.classList.add("concept-ready");
  addEventListener("hashchange", () => follow(true));
  // The page's own scroll to the address happens while it loads; come back to the map after it.
  addEventListener("load", () => {
    if (location.hash) frame.scrollIntoView({ block: "start" });
  });
  follow(false);
})();
