// The search of the concept map: a box with suggestions, after the combobox pattern of the ARIA practices.
const conceptSearch = (model) => {
  const { element } = conceptModel;
  const options = element("ul", {
    id: "concept-options",
    role: "listbox",
    "aria-label": "Concepts and chapters",
    hidden: true,
  });
  const input = element("input", {
    id: "concept-search",
    type: "text",
    role: "combobox",
    "aria-expanded": "false",
    "aria-controls": "concept-options",
    "aria-autocomplete": "list",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "softmax, KV cache, overfitting …",
  });
  let found = [],
    at = -1;
  const targets = [
    ...[...model.concepts.values()].map((one) => ({
      hash: `concept-${one.id}`,
      name: one.name,
      where: one.chapter.title,
      text: one.means,
      part: one.chapter.part.key,
    })),
    ...[...model.chapters.values()].map((one) => ({
      hash: `chapter-${one.key}`,
      name: one.title,
      where: "chapter",
      text: "",
      part: one.part.key,
    })),
  ];
  function match(query) {
    const asked = query.toLowerCase().trim();
    if (!asked) return [];
    const rank = ({ name, text }) => {
      const low = name.toLowerCase(),
        begin = low.indexOf(asked);
      if (low === asked) return 0;
      if (begin === 0) return 1;
      if (begin > 0) return /\W/.test(low[begin - 1]) ? 2 : 3;
      return text.toLowerCase().includes(asked) ? 4 : -1;
    };
    return targets
      .map((one) => [rank(one), one])
      .filter(([value]) => value >= 0)
      .sort(([a], [b]) => a - b)
      .slice(0, 9)
      .map(([, one]) => one);
  }
  function point(index) {
    at = index;
    [...options.children].forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
    if (options.children[at]) {
      input.setAttribute("aria-activedescendant", options.children[at].id);
      options.children[at].scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  }
  function close() {
    options.hidden = true;
    input.setAttribute("aria-expanded", "false");
    point(-1);
  }
  function take(one) {
    close();
    input.value = one.name;
    location.hash = one.hash;
  }
  function suggest() {
    found = match(input.value);
    options.replaceChildren(
      ...found.map((one, index) =>
        element(
          "li",
          {
            role: "option",
            id: `concept-option-${index}`,
            "aria-selected": "false",
            "data-part": one.part,
            onpointerdown: (event) => event.preventDefault(), // the box keeps the focus, and the list stays
            onclick: () => take(one),
          },
          element("span", {}, one.name),
          " ",
          element("small", {}, one.where),
        ),
      ),
    );
    const none = input.value.trim() && !found.length;
    if (none)
      options.append(
        element(
          "li",
          { role: "option", "aria-disabled": "true", "aria-selected": "false" },
          `No concept or chapter holds “${input.value.trim()}”.`,
        ),
      );
    options.hidden = !found.length && !none;
    input.setAttribute("aria-expanded", String(!options.hidden));
    point(-1);
  }
  input.addEventListener("input", suggest);
  input.addEventListener("focus", () => input.select());
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      if (options.hidden) suggest();
      if (found.length) point((at + step + found.length + (at < 0 && step < 0 ? 1 : 0)) % found.length);
    } else if (event.key === "Enter" && found.length && !options.hidden) take(found[Math.max(at, 0)]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  return element(
    "div",
    { class: "concept-search" },
    element("label", { for: "concept-search" }, "Find the way to"),
    input,
    options,
  );
};
