/* A number that is not written in full has its value beside it. */
const numberIn = (cell) => cell.dataset.value ?? (cell.matches("td.number") ? cell.textContent.replaceAll(",", "") : undefined);

function value(row, column) {
  const number = numberIn(row.cells[column]);
  if (number !== undefined) return number === "" ? null : Number(number);
  return row.cells[column].textContent === "–" ? null : row.cells[column].textContent;
}

function sort(header) {
  const column = header.cellIndex;
  const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  const body = header.closest("table").tBodies[0];
  const rows = [...body.rows].map((row, index) => ({ row, index, key: row.cells[column] ? value(row, column) : null }));
  rows.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null) || a.index - b.index;
    const order = typeof a.key === "number" ? a.key - b.key : a.key.localeCompare(b.key, "en", { numeric: true });
    return direction * order || a.index - b.index;
  });
  body.append(...rows.map((item) => item.row));
  for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
}

function save(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function csv(table) {
  const quote = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const formula = /^[\t\r\n]|^\s*[=+\-@\uff0b\uff0d\uff1d\uff20]/; /* as FORMULA of suite/table.py */
  const harmless = (text) => (formula.test(text) ? `'${text}` : text);
  const content = (cell) => numberIn(cell) ?? harmless(cell.dataset.key ?? cell.dataset.text ?? cell.textContent.trim());
  const rows = [...table.rows].filter((row) => !row.classList.contains("empty"));
  const asked = rows.some((row) => row.dataset.adaptive !== undefined);
  return rows
    .map((row) => [...row.cells].map(content).concat(asked ? [row.dataset.adaptive ?? "adaptive"] : []).map(quote).join(","))
    .join("\r\n");
}

/* Where a browser gives no clipboard (a page from another machine, unencrypted), an old command copies a selection. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

/* A figure leaves the page as it is shown, but for white paper: in the colours of the light theme. */
function standalone(svg) {
  const root = document.documentElement;
  const theme = root.dataset.theme;
  root.dataset.theme = "light";
  const style = getComputedStyle(root);
  const copy = svg.cloneNode(true);
  taken(svg, copy);
  for (const part of ["seed", "band", "paper"]) {
    if (document.body.classList.contains(`no-${part}`)) for (const item of all(`.${part}`, copy)) item.remove();
  }
  const text = new XMLSerializer().serializeToString(copy)
    .replaceAll("currentColor", style.color)
    .replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim())
    .replaceAll("font-family: inherit", "font-family: sans-serif");
  if (theme === undefined) delete root.dataset.theme; else root.dataset.theme = theme;
  return text;
}

for (const button of all("[data-sort]")) button.addEventListener("click", () => sort(button.closest("th")));
for (const button of all("[data-csv]")) {
  button.addEventListener("click", () =>
    save(`${button.dataset.csv}.csv`, "text/csv", csv(document.getElementById(button.dataset.csv))));
}
for (const button of all("[data-copy]")) {
  const words = button.textContent;
  button.addEventListener("click", async () => {
    const copied = await copy(document.getElementById(button.dataset.copy).content.textContent);
    button.focus();
    button.textContent = copied ? "Copied" : "Not copied";
    document.getElementById("said").textContent = `${button.textContent}: ${words.replace("Copy ", "")}`;
    setTimeout(() => { button.textContent = words; }, 2000);
  });
}
for (const button of all("[data-svg]")) {
  button.addEventListener("click", () =>
    save(`${button.dataset.name}.svg`, "image/svg+xml",
      standalone(document.getElementById(button.dataset.svg).querySelector("svg"))));
}
for (const input of all("[data-filter]")) {
  const rows = [...document.getElementById(input.dataset.filter).tBodies[0].rows];
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
  });
}
const environments = document.getElementById("environment-filter");
environments?.addEventListener("input", () => {
  for (const item of all(".environment")) {
    item.hidden = !item.dataset.name.toLowerCase().includes(environments.value.toLowerCase().trim());
  }
});
for (const input of all("[data-series]")) {
  const parts = all(`.series-${input.dataset.series}`);
  input.addEventListener("change", () => {
    for (const part of parts) part.style.display = input.checked ? "" : "none";
  });
}
for (const input of all("[data-part]")) {
  const show = () => document.body.classList.toggle(`no-${input.dataset.part}`, !input.checked);
  input.addEventListener("change", show);
  show();
}
const theme = document.getElementById("theme");
const system = matchMedia("(prefers-color-scheme: dark)");
const dark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
const showTheme = () => {
  theme.textContent = dark() ? "Light" : "Dark";
  theme.setAttribute("aria-pressed", String(dark()));
};
theme.addEventListener("click", () => {
  document.documentElement.dataset.theme = dark() ? "light" : "dark";
  showTheme();
  keep();
});
system.addEventListener("change", showTheme);

/* Every heading, figure and claim has a link to itself; an address may lead into what is folded. */
const named = (words) => {
  const plain = words.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
  let id = plain;
  for (let again = 2; document.getElementById(id); again += 1) id = `${plain}-${again}`;
  return id;
};
function permalink(item, words) {
  const link = document.createElement("a");
  if (!item.id) item.id = named(words);
  link.href = `#${item.id}`;
  link.className = "permalink";
  link.textContent = "#";
  link.setAttribute("aria-label", `Link to ${words}`);
  return link;
}
for (const item of all("main > section :is(h2, h3, h4)")) {
  const section = item.closest("main > section");
  const link = permalink(item === section.querySelector("h2") ? section : item, item.textContent.trim());
  const headed = document.createElement("div");
  headed.className = "headed";
  item.replaceWith(headed);
  headed.append(item, link);
}
for (const item of all("figure")) {
  const caption = item.querySelector("figcaption");
  caption.firstChild.after(permalink(item, caption.firstChild.textContent.trim()));
}
for (const item of all(".claims li")) {
  const statement = item.querySelector(".statement");
  const words = statement.textContent.trim();
  statement.append(" ", permalink(item, words));
}
const [anchor, query] = [0, 1].map((part) => () => location.hash.slice(1).split("?")[part] ?? "");
function reveal() {
  const item = anchor() && document.getElementById(decodeURIComponent(anchor()));
  if (!item) return;
  for (let above = item.closest("details"); above; above = above.parentElement.closest("details")) above.open = true;
  item.scrollIntoView();
}

/* What is folded, filtered, hidden and how it is lit outlives a reload, in this tab; what is filtered and hidden is also in
   the address, after the place on the page. */
const tab = `page ${location.pathname}`;
const nameOf = (item) => {
  if (item.matches("details")) return `${item.closest("[id]").id}: ${item.querySelector("summary").textContent.trim()}`;
  return item.dataset.series ? `entry ${item.value}` : item.id || Object.entries(item.dataset).flat().join(" ");
};
const folds = new Map(all("details").map((item) => [nameOf(item), item]));
const fields = new Map(all("input, select").map((item) => [nameOf(item), item]));
const entered = (item) => (item.type === "checkbox" ? item.checked : item.value);
const fresh = new Map([...fields].map(([name, item]) => [name, entered(item)]));
function address() {
  const changed = [...fields].filter(([name, item]) => entered(item) !== fresh.get(name));
  const asked = new URLSearchParams(changed.map(([name, item]) => [name, String(entered(item))])).toString();
  const hash = `${anchor()}${asked && "?"}${asked}`;
  if (hash !== location.hash.slice(1)) history.replaceState(null, "", `${location.href.split("#")[0]}${hash && "#"}${hash}`);
}
function keep(more = {}) {
  const state = {
    ...more,
    theme: document.documentElement.dataset.theme,
    folds: [...folds].map(([name, item]) => [name, item.open]),
    fields: [...fields].map(([name, item]) => [name, entered(item)]),
  };
  address();
  try { sessionStorage.setItem(tab, JSON.stringify(state)); } catch { /* a browser may refuse to keep anything */ }
}
function kept() {
  try { return JSON.parse(sessionStorage.getItem(tab)) ?? {}; } catch { return {}; }
}
/* Where one is: what is at the top, however much there is above it by then, and what the keyboard is at. */
const PARTS = "main > section, main > section.first li, .environment, section.table, figure";
const reachable = () => all("a, button, input, summary, [tabindex]");
const called = (item) => [item.tagName, item.closest("[id]")?.id, item.getAttribute("aria-label") ?? item.textContent].join(" ");
function here() {
  const top = all(PARTS).find((item) => item.checkVisibility?.() !== false && item.getBoundingClientRect().top >= -1);
  const focus = document.activeElement === document.body ? undefined : called(document.activeElement);
  return { focus, top: top && scrollY > 0 ? [all(PARTS).indexOf(top), top.id, top.getBoundingClientRect().top] : undefined };
}
function back({ here: left }) {
  if (!left) return;
  reachable().find((item) => called(item) === left.focus)?.focus({ preventScroll: true });
  if (left.top) {
    const [index, id, offset] = left.top;
    const item = document.getElementById(id) ?? all(PARTS)[index];
    scrollBy({ top: item.getBoundingClientRect().top - offset, behavior: "instant" });
  }
}
function restore({ theme: chosen, folds: opened = [], fields: before = [] }) {
  if (chosen) document.documentElement.dataset.theme = chosen;
  for (const [name, open] of opened) if (folds.has(name)) folds.get(name).open = open;
  const said = new URLSearchParams(query());
  for (const [name, content] of said.size ? said : before) {
    const item = fields.get(name);
    if (!item || String(entered(item)) === String(content)) continue;
    if (item.type === "checkbox") item.click(); else item.value = content;
    if (item.type !== "checkbox") for (const kind of ["input", "change"]) item.dispatchEvent(new Event(kind));
  }
  showTheme();
}
restore(kept());
back(kept());
for (const event of ["toggle", "input", "change"]) document.addEventListener(event, () => keep(), true);
addEventListener("hashchange", () => { reveal(); address(); });
if (kept().here) keep(); else reveal();
address();

let leaving = "auto"; /* whoever loads the page again is brought back by the browser, unless the page does it itself */
addEventListener("beforeunload", () => { history.scrollRestoration = leaving; });

/* While runs are going the page loads itself again: not while it is printed or out of sight, nor if it is not to. */
const live = document.getElementById("live");
if (live) {
  let printing = false;
  addEventListener("beforeprint", () => { printing = true; });
  addEventListener("afterprint", () => { printing = false; });
  /* A server is asked whether there is another page, or any at all; a file can only be read again. */
  const version = async () => {
    const { headers, ok } = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
    return ok ? headers.get("etag") ?? headers.get("last-modified") : undefined;
  };
  const asked = location.protocol !== "file:";
  const first = live.dataset.version || (asked ? version().catch(() => undefined) : undefined);
  const changed = async () => {
    const now = await version().catch(() => undefined);
    return now !== undefined && now !== await first;
  };
  const reload = document.getElementById("reload");
  setInterval(async () => {
    const still = () => reload.checked && !printing && !document.hidden;
    if (!still() || (asked && !await changed()) || !still()) return;
    keep({ here: here() });
    leaving = "manual";
    location.reload();
  }, 1000 * live.dataset.seconds);
}

/* The contents mark the section where one is: the one in a band below the top, or the last one at the end. */
const places = all("main > section");
const contents = new Map(all("nav li a").map((link) => [link.hash, link]));
const within = new Set();
const end = document.createElement("div");
document.getElementById("main").append(end);
function mark(entries) {
  for (const entry of entries) within[entry.isIntersecting ? "add" : "delete"](entry.target);
  const here = within.has(end) && scrollY > 0 ? places.at(-1) : places.find((place) => within.has(place)) ?? places[0];
  const current = contents.get(`#${here?.id}`) ?? contents.get("#main");
  for (const link of contents.values()) {
    if (link === current) link.setAttribute("aria-current", "location"); else link.removeAttribute("aria-current");
  }
}
const band = new IntersectionObserver(mark, { rootMargin: "-10% 0px -80% 0px" });
for (const place of places) band.observe(place);
new IntersectionObserver(mark).observe(end);

/* Paper leaves out what is folded away and long tables, and says so; this button prints them too. */
let unfolded = [];
document.getElementById("print-all").addEventListener("click", () => {
  unfolded = all("details:not([open], .twice, .run)");
  for (const item of unfolded) item.open = true;
  document.body.classList.add("print-all");
  print();
});
addEventListener("afterprint", () => {
  for (const item of unfolded) item.open = false;
  unfolded = [];
  document.body.classList.remove("print-all");
});
