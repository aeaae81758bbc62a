// Small conveniences; every page works without them.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  // The theme button offers the other of what is seen, also when the system decides.
  const theme = document.getElementById("theme");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const offer = () => {
    if (!theme || root.dataset.kernTheme) return;
    theme.value = dark.matches ? "light" : "dark";
    theme.setAttribute("aria-label", dark.matches ? theme.dataset.light : theme.dataset.dark);
  };
  offer();
  dark.addEventListener("change", offer);

  const menu = document.querySelector(".menu");
  const nav = document.getElementById("nav");
  if (menu && nav) {
    menu.hidden = false;
    menu.addEventListener("click", () => {
      const open = menu.getAttribute("aria-expanded") !== "true";
      menu.setAttribute("aria-expanded", String(open));
      nav.classList.toggle("nav--open", open);
    });
  }

  // Changing the use case acts at once.
  const chooser = document.getElementById("use_case");
  if (chooser) chooser.addEventListener("change", () => chooser.form.submit());

  const facets = document.querySelector(".facets");
  if (facets && window.matchMedia("(max-width: 60rem)").matches) facets.open = false;

  const said = document.getElementById("said");
  const prepare = (part) => {
    for (const button of part.querySelectorAll("button.copy")) button.hidden = !navigator.clipboard;
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy");
    if (!button) return;
    await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
    const words = button.querySelector("span");
    const before = words.textContent;
    words.textContent = button.dataset.done;
    said.textContent = button.dataset.done;
    setTimeout(() => { words.textContent = before; said.textContent = ""; }, 2000);
  });
  prepare(document);

  // What htmx puts in place of the results forgets which facet had the focus and whether the panel was open.
  let focus = "";
  let open = true;
  document.addEventListener("htmx:before:swap", () => {
    focus = document.activeElement ? document.activeElement.id : "";
    const panel = document.querySelector(".facets");
    open = panel ? panel.open : true;
  });
  document.addEventListener("htmx:after:swap", () => {
    const panel = document.querySelector(".facets");
    if (panel) panel.open = open;
    const back = focus && document.getElementById(focus);
    if (back && document.activeElement !== back) back.focus();
    prepare(document);
  });

  // The cursor goes to the place of an error in SQL.
  const sql = document.getElementById("sql");
  if (sql && Number(sql.dataset.line) > 0) {
    const before = sql.value.split("\n").slice(0, Number(sql.dataset.line) - 1);
    const place = before.join("\n").length + (before.length ? 1 : 0) + Math.max(Number(sql.dataset.column) - 1, 0);
    sql.focus();
    sql.setSelectionRange(place, place);
  }
  if (sql) {
    sql.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) sql.form.requestSubmit();
    });
  }
})();
