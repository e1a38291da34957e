// What the concept map knows: the concepts of the page's list, the way to each, and what the reader has marked.
const conceptModel = (() => {
  const numbers = (text) => text.split(" ").map(Number);
  const words = (text) => text.split(" ").filter(Boolean);

  function element(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  }
  const plural = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

  // What the list says: parts, chapters and concepts, in reading order.
  function read(frame, list) {
    const model = { parts: [], chapters: new Map(), concepts: new Map() };
    for (const name of ["wide", "narrow"])
      for (const what of ["Size", "Tile"]) model[name + what] = numbers(frame.dataset[name + what]);
    for (const group of list.querySelectorAll(".concept-list-part")) {
      group.open = false; // the browser opens it when the address names one of its concepts
      const { part: key, title, wide, narrow } = group.dataset;
      const part = { key, title, wide: numbers(wide), narrow: numbers(narrow) };
      model.parts.push(part);
      for (const section of group.querySelectorAll(".concept-list-chapter")) {
        const from = section.dataset;
        const chapter = {
          key: from.chapter,
          title: from.title,
          part,
          href: from.href,
          minutes: Number(from.minutes),
          needs: words(from.needs),
          column: Number(from.column),
          row: Number(from.row),
          wide: numbers(from.wide),
          narrow: numbers(from.narrow),
          concepts: [],
        };
        model.chapters.set(chapter.key, chapter);
        for (const entry of section.querySelectorAll("li")) {
          const id = entry.id.replace("concept-", "");
          // From here on an address with a concept leads to the map: the browser must not scroll to the list.
          entry.removeAttribute("id");
          chapter.concepts.push(id);
          model.concepts.set(id, {
            id,
            entry,
            chapter,
            name: entry.querySelector("strong").textContent,
            opens: [],
            means: entry.querySelector("span").textContent,
            needs: words(entry.dataset.needs),
            term: entry.querySelector(".concept-term"),
          });
        }
      }
    }
    for (const concept of model.concepts.values())
      for (const need of concept.needs) model.concepts.get(need).opens.push(concept.id);
    model.chaptersBefore = (chapter) => {
      const found = new Set(),
        waiting = [...chapter.needs];
      while (waiting.length) {
        const one = model.chapters.get(waiting.pop());
        if (!found.has(one)) {
          found.add(one);
          waiting.push(...one.needs);
        }
      }
      return found;
    };
    return model;
  }

  // Whoever knows a concept need not read what it needs: walk back from the goal and stop at what is known.
  function shortestWay(model, goal, known) {
    const wanted = new Set();
    const waiting = [goal];
    while (waiting.length) {
      const id = waiting.pop();
      if (wanted.has(id) || known(id)) continue;
      wanted.add(id);
      waiting.push(...model.concepts.get(id).needs);
    }
    return [...model.concepts.keys()].filter((id) => wanted.has(id));
  }

  // What the reader knows, kept in this browser: marks of concepts, and the points of a progress file.
  // A mark counts more than points.
  const PLACE = "course-concepts";
  const finished = ({ points, max_points: most } = {}) => most > 0 && points >= most;
  function memory(model) {
    const kept = { marks: {}, progress: {} };
    try {
      const saved = JSON.parse(localStorage.getItem(PLACE)) || {};
      for (const name of Object.keys(kept))
        if (saved[name] && typeof saved[name] === "object") kept[name] = saved[name];
    } catch {
      // Nothing was kept, or the browser keeps nothing.
    }
    return {
      kept,
      keep() {
        try {
          localStorage.setItem(PLACE, JSON.stringify(kept));
        } catch {
          // A browser that keeps nothing still shows the way.
        }
      },
      known: (id) => kept.marks[id] ?? finished(kept.progress[model.concepts.get(id).chapter.key]),
    };
  }

  // The points that `course progress --json` writes: {"part/chapter": {"points": 3, "max_points": 4}}.
  function progressOf(text, model) {
    let rows;
    try {
      rows = JSON.parse(text);
    } catch {
      throw new Error("This is not a JSON file.");
    }
    const right = (row) => row && typeof row.points === "number" && typeof row.max_points === "number";
    if (!rows || typeof rows !== "object" || Array.isArray(rows) || !Object.values(rows).every(right)) {
      throw new Error('Expected points by chapter, such as {"basics/embeddings": {"points": 3, "max_points": 4}}.');
    }
    const unknown = Object.keys(rows).filter((key) => !model.chapters.has(key));
    if (unknown.length) throw new Error(`These are no chapters of the course: ${unknown.join(", ")}.`);
    return rows;
  }

  return { element, plural, read, shortestWay, memory, finished, progressOf };
})();
