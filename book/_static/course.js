// Repairs, for screen readers, of what the theme and docutils emit.
window.addEventListener("load", () => {
  // A label that does not hold the visible text hides that text from voice control.
  for (const button of document.querySelectorAll(
    ".search-button-field[aria-label], .theme-switch-button[aria-label], summary[aria-label]",
  )) button.removeAttribute("aria-label");
  // The empty corner of a DataFrame's table is no header.
  for (const corner of document.querySelectorAll("table.dataframe thead th:empty"))
    corner.replaceWith(document.createElement("td"));
  // A list of references has no list items, so it must not say that it is a list.
  for (const list of document.querySelectorAll(".citation-list[role=list]")) list.removeAttribute("role");
  for (const entry of document.querySelectorAll(".citation[role=doc-biblioentry]")) entry.removeAttribute("role");
  // Every part of the page belongs to a landmark.
  const logo = document.querySelector(".bd-sidebar-primary .navbar-brand");
  if (logo && !logo.closest("nav")) {
    const home = document.createElement("nav");
    home.setAttribute("aria-label", "Home");
    logo.replaceWith(home);
    home.append(logo);
  }
});
