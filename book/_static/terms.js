// A term of the glossary shows its definition on hover and focus. The definitions are part of the page (see
// course_terms.py), so nothing is fetched. As WCAG 1.4.13 asks: Escape closes it, and the pointer may move onto it.
(() => {
  const SHOW_AFTER = 150, HIDE_AFTER = 200, GAP = 6, EDGE = 8;
  let shown = null, timer = 0;

  const hide = () => {
    clearTimeout(timer);
    if (shown) shown.card.hidden = true;
    shown = null;
  };

  const show = (link, card) => {
    clearTimeout(timer);
    if (shown && shown.card !== card) hide();
    shown = { link, card };
    card.hidden = false;
    // Below the term if there is room, else above; never beyond the edges of the window.
    const at = link.getClientRects()[0], size = card.getBoundingClientRect();
    const below = at.bottom + GAP + size.height <= window.innerHeight || at.top < size.height + GAP;
    const left = Math.max(EDGE, Math.min(at.left, document.documentElement.clientWidth - size.width - EDGE));
    card.style.left = `${left + window.scrollX}px`;
    card.style.top = `${(below ? at.bottom + GAP : at.top - GAP - size.height) + window.scrollY}px`;
  };

  const later = (what, milliseconds) => {
    clearTimeout(timer);
    timer = setTimeout(what, milliseconds);
  };

  window.addEventListener("DOMContentLoaded", () => {
    for (const card of document.querySelectorAll(".term-card")) {
      document.body.append(card); // positions count from the page, not from the article
      card.addEventListener("pointerenter", () => clearTimeout(timer));
      card.addEventListener("pointerleave", () => later(hide, HIDE_AFTER));
    }
    for (const link of document.querySelectorAll('a[href*="glossary.html#term-"]')) {
      const card = document.getElementById(`definition-${decodeURIComponent(link.hash.slice(1))}`);
      if (!card) continue;
      link.classList.add("term-link");
      link.setAttribute("aria-describedby", card.id);
      link.addEventListener("pointerenter", (event) => {
        if (event.pointerType !== "touch") later(() => show(link, card), SHOW_AFTER); // a touch follows the link
      });
      link.addEventListener("pointerleave", () => later(hide, HIDE_AFTER));
      link.addEventListener("focus", () => show(link, card));
      link.addEventListener("blur", hide);
    }
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  window.addEventListener("resize", hide);
})();
