// Paper is white and nothing on it can be opened: for printing, the page is light and what is folded is open. Code
// that only draws a figure (details.hide) stays folded. Afterwards all is as it was.
(() => {
  const page = document.documentElement.dataset;
  let before = null;
  const open = () => {
    if (before) return;
    const folded = [...document.querySelectorAll("article details:not([open]):not(.hide)")];
    before = { folded, theme: page.theme };
    for (const box of folded) box.open = true;
    page.theme = "light";
  };
  const close = () => {
    if (!before) return;
    for (const box of before.folded) box.open = false;
    if (before.theme === undefined) delete page.theme;
    else page.theme = before.theme;
    before = null;
  };
  window.addEventListener("beforeprint", open);
  window.addEventListener("afterprint", close);
  window.matchMedia("print").addEventListener("change", (event) => (event.matches ? open() : close()));
})();
