"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/* Charts: values by pointer and keyboard, other axes, entries alone. Paths are in whole units: see charts.py. */
const numbers = (text) => (text.match(/-?\d+(\.\d+)?/g) ?? []).map(Number);
const seriesOf = (path) => Number(path.getAttribute("class").match(/series-(\d+)/)[1]);
const moved = new WeakMap();

function drawnPoints(path) {
  const [x, y, ...moves] = numbers(path.dataset.d ?? path.getAttribute("d"));
  const points = [[x, y]];
  for (let i = 0; i < moves.length; i += 2) points.push([points.at(-1)[0] + moves[i], points.at(-1)[1] + moves[i + 1]]);
  return points;
}
const pointsOf = (path) => moved.get(path) ?? drawnPoints(path);

/* Places of a curve's marks on an axis: those drawn if it says nothing, none if it says that there are none. */
function placesOn(path, axis, points) {
  const knots = path.dataset[axis];
  if (knots === undefined) return points.map(([x]) => x);
  const pairs = numbers(knots);
  const places = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const [from, start, to = from, stop = start] = pairs.slice(i, i + 4);
    for (let mark = from; mark <= to; mark += 1) places[mark] = start + (stop - start) * ((mark - from) / (to - from || 1));
  }
  return places;
}

function place(path, points) {
  if (path.dataset.d === undefined) path.dataset.d = path.getAttribute("d");
  moved.set(path, points);
  path.setAttribute("d", `M${points.map((point) => point.join(" ")).join("L")}${path.dataset.d.endsWith("z") ? "z" : ""}`);
}
const shownIf = (shown, item) => { if (shown) item.removeAttribute("display"); else item.setAttribute("display", "none"); };

function takeAxis(chart, axis) {
  const axes = all(".axis", chart);
  if (!axes.some((each) => each.dataset.axis === axis)) return;
  for (const each of axes) shownIf(each.dataset.axis === axis, each);
  const plot = chart.querySelector(".plot");
  const [left, scale] = [Number(plot.getAttribute("x")), plot.getAttribute("width") / plot.viewBox.baseVal.width];
  const means = new Map();
  for (const path of all(".mean, .seed", plot)) {
    const points = drawnPoints(path);
    const places = placesOn(path, axis, points);
    if (path.matches(".mean")) means.set(seriesOf(path), places);
    shownIf(places.length, path);
    if (places.length) place(path, points.map(([, y], mark) => [places[mark], y]));
  }
  for (const path of all(".band, .marks", chart)) {
    const places = means.get(seriesOf(path));
    shownIf(places.length, path);
    if (!places.length) continue;
    if (path.matches(".band")) {
      const points = drawnPoints(path);
      const from = Number(path.dataset.start ?? 0);
      place(path, points.map(([, y], i) => [places[from + Math.min(i, points.length - 1 - i)], y]));
    } else {
      const pixels = numbers(path.getAttribute("d"));
      const there = pixels.filter((_, i) => i % 2).map((y, i) => `${(left + scale * places[i * path.dataset.every]).toFixed(1)} ${y}`);
      path.setAttribute("d", `M${there.join(" ")}`);
    }
  }
  for (const item of all("[data-first]", chart)) shownIf(axes[0].dataset.axis === axis, item);
}

/* What a chart shows at each place: the mean of each entry that is shown, its interval and seeds. */
function readable(chart) {
  const plot = chart.querySelector(".plot");
  const { low, unit, digits } = chart.dataset;
  const units = plot.viewBox.baseVal.height;
  const words = (y) => (Number(low) + unit * (units - y)).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return all(".mean", plot).filter((path) => getComputedStyle(path).display !== "none").map((path) => {
    const series = seriesOf(path);
    const limits = new Map();
    for (const band of all(`.band.series-${series}`, plot)) {
      const ends = pointsOf(band).map(([, y]) => words(y));
      const [from, each] = [Number(band.dataset.start ?? 0), chart.matches(".stepped") ? 2 : 1];
      for (let i = 0; i < ends.length / 2; i += each) limits.set(from + i / each, `[${ends[ends.length - 1 - i]}, ${ends[i]}]`);
    }
    const seeds = numbers(path.dataset.seeds ?? "");
    return {
      series,
      entry: chart.querySelector(`:scope > .series-${series} > text`).textContent,
      marks: pointsOf(path).map(([x, y], mark) => ({
        x, y, value: words(y), limits: limits.get(mark) ?? "", seeds: seeds[mark] ?? seeds[0],
      })),
    };
  });
}

/* The values of a place on the page: one at a time, over all else. */
const tip = Object.assign(document.createElement("div"), { className: "tip" });
tip.setAttribute("aria-hidden", "true");
const texts = (words) => words.map((text) => Object.assign(document.createElement("span"), { textContent: text }));
const hideTip = () => tip.remove();
function showTip(x, y, heading, rows) {
  tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: heading }), ...rows.map(({ swatch, words }) => {
    const row = document.createElement("span");
    row.append(swatch ?? "", ...texts(words));
    return row;
  }));
  document.body.append(tip);
  const width = document.documentElement.clientWidth;
  const left = x < width / 2 ? x + 12 : x - 12 - tip.offsetWidth;
  tip.style.left = `${scrollX + Math.max(0, Math.min(width - tip.offsetWidth, left))}px`;
  tip.style.top = `${scrollY + y}px`;
}

/* A figure that reads its values to the keyboard takes the place of its box there, unless that cuts it off. */
const boxes = new ResizeObserver((seen) => {
  for (const { target } of seen) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
});

/* What a figure has at its stops, by pointer and by keyboard: to a screen reader it is a slider.
   `stops` are ascending places up to `most`, `steps` what keys do, `wanted` the place of a point of the figure, and
   `read` says what one has; `at` is where it begins. */
function reader(svg, { at, most, steps, stops, wanted, read }) {
  function hide() {
    hideTip();
    svg.querySelector(":scope > .cursor")?.remove();
  }
  function show(place, step = 0) {
    const found = stops();
    if (!found.length) return hide();
    const nearest = found.reduce((best, stop, i) => (Math.abs(stop - place) < Math.abs(found[best] - place) ? i : best), 0);
    at = found[Math.max(0, Math.min(found.length - 1, nearest + step))];
    const { heading, rows, x, y, drawn } = read(at);
    svg.querySelector(":scope > .cursor")?.remove();
    const cursor = document.createElementNS(svg.namespaceURI, "g");
    cursor.setAttribute("class", "cursor");
    cursor.innerHTML = drawn;
    svg.append(cursor);
    const [outer, { width, height }] = [svg.getBoundingClientRect(), svg.viewBox.baseVal];
    showTip(outer.left + (x / width) * outer.width, outer.top + (y / height) * outer.height + 12, heading, rows);
    svg.setAttribute("aria-valuenow", Math.round((100 * at) / most));
    svg.setAttribute("aria-valuetext", [heading, ...rows.map(({ words }) => words.filter(Boolean).join(" "))].join("; "));
  }
  const caption = svg.closest("figure").querySelector("figcaption").firstChild.textContent.trim();
  const described = { tabindex: 0, role: "slider", "aria-label": `Values of ${caption}`, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round((100 * at) / most), "aria-valuetext": "arrow keys read the values" };
  for (const [name, content] of Object.entries(described)) svg.setAttribute(name, content);
  svg.parentElement.tabIndex = -1;
  boxes.observe(svg.parentElement);
  svg.addEventListener("pointermove", (event) => {
    const [inner, { width, height }] = [svg.getBoundingClientRect(), svg.viewBox.baseVal];
    show(wanted(((event.clientX - inner.left) / inner.width) * width, ((event.clientY - inner.top) / inner.height) * height));
  });
  svg.addEventListener("pointerleave", () => { if (document.activeElement !== svg) hide(); });
  svg.addEventListener("focus", () => show(at));
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    if (!(event.key in steps)) return;
    event.preventDefault();
    show(at, steps[event.key]);
  });
}

function readCurves(chart) {
  const plot = chart.querySelector(".plot");
  const box = ["x", "y", "width", "height"].map((name) => Number(plot.getAttribute(name)));
  const { width, height } = plot.viewBox.baseVal;
  const across = (units) => box[0] + (units * box[2]) / width;
  let shown;
  reader(chart, {
    at: width,
    most: width,
    steps: { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity },
    stops: () => [...new Set((shown = readable(chart)).flatMap(({ marks }) => marks.map(({ x }) => Math.round(x))))].sort((a, b) => a - b),
    wanted: (x) => (x - box[0]) * (width / box[2]),
    read: (at) => {
      const found = shown.flatMap(({ series, entry, marks }) => {
        const mark = marks.reduce((best, each) => (Math.abs(each.x - at) < Math.abs(best.x - at) ? each : best));
        return at > marks.at(-1).x + 2 || at < marks[0].x - 2 ? [] : [{ series, entry, ...mark }];
      }).sort((a, b) => a.y - b.y);
      const axis = all(".axis", chart).find((each) => !each.hasAttribute("display"));
      const [low, high] = axis.dataset.ends.split(" ").map(Number);
      const where = (low + (high - low) * (at / width)).toLocaleString("en", { maximumSignificantDigits: 3 });
      const rows = found.map(({ series, entry, value, limits, seeds }) => {
        const swatch = document.createElement("span");
        swatch.className = "swatch";
        swatch.style.setProperty("--colour", getComputedStyle(chart.querySelector(`.series-${series}.mean`)).stroke);
        swatch.textContent = document.querySelector(`[data-series="${series}"] + .swatch`)?.textContent ?? "●";
        return { swatch, words: [entry, value, limits, seeds === undefined ? "" : `${seeds} seed${seeds === 1 ? "" : "s"}`] };
      });
      const rings = found.map((each) => `<circle cx="${across(each.x)}" cy="${box[1] + (each.y * box[3]) / height}" r="4"/>`);
      return { heading: `${axis.dataset.label}: ${where}`, rows, x: across(at), y: 0, drawn: `<path d="M${across(at)} ${box[1]}v${box[3]}"/>${rings.join("")}` };
    },
  });
}

/* Figures with a row an entry say what each row has: its place, its name, and its values. */
function readRows(svg) {
  const rows = JSON.parse(svg.dataset.rows);
  const { width, height } = svg.viewBox.baseVal;
  reader(svg, {
    at: 0,
    most: 1,
    steps: { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity },
    stops: () => rows.map((row) => row.at),
    wanted: (x, y) => y / height,
    read: (at) => {
      const { name, values } = rows.find((row) => row.at === at);
      const y = at * height;
      return { heading: name, rows: values.map((words) => ({ words })), x: width / 2, y, drawn: `<path d="M0 ${y}h${width}"/>` };
    },
  });
}

/* Lists that are figures (strips, forest plots) are one stop of the keyboard each; arrow keys move within. */
function readList(list) {
  const items = all(":scope > li[title]", list);
  items.forEach((item, index) => {
    const words = item.title;
    item.removeAttribute("title");
    item.setAttribute("aria-label", words);
    item.tabIndex = index ? -1 : 0;
    const show = () => {
      const { left, width, bottom } = item.getBoundingClientRect();
      showTip(left + width / 3, bottom, words, []);
    };
    item.addEventListener("pointerenter", show);
    item.addEventListener("pointerleave", () => { if (document.activeElement !== item) hideTip(); });
    item.addEventListener("focus", show);
    item.addEventListener("blur", hideTip);
    item.addEventListener("keydown", (event) => {
      const next = { ArrowDown: items[index + 1], ArrowUp: items[index - 1], Home: items[0], End: items.at(-1) }[event.key];
      if (event.key === "Escape") hideTip();
      if (!next) return;
      event.preventDefault();
      for (const each of items) each.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  });
}

/* A chart that leaves the page has its paths in pixels, its markers with it, and nothing that is not shown or read out. */
function taken(chart, copy) {
  copy.querySelector(":scope > .cursor")?.remove();
  delete copy.dataset.rows;
  for (const name of copy.getAttributeNames()) if (/^(role|tabindex|aria-.*)$/.test(name)) copy.removeAttribute(name);
  const plot = copy.querySelector(".plot");
  if (!plot) return;
  const [width, height] = [plot.getAttribute("width"), plot.getAttribute("height")];
  const units = plot.getAttribute("viewBox").split(" ").slice(2);
  const [right, down] = [width / units[0], height / units[1]];
  const originals = all(".plot path", chart);
  all("path", plot).forEach((path, i) => {
    const end = path.getAttribute("d").endsWith("z") ? "z" : "";
    if (!/h\d+$/.test(path.getAttribute("d"))) {
      const points = pointsOf(originals[i]).map(([x, y]) => [(x * right).toFixed(2), (y * down).toFixed(2)]);
      const stepped = /v-?\d+$/.test(path.getAttribute("d"));
      path.setAttribute("d", stepped
        ? `M${points[0].join(" ")}${points.slice(1).map(([x, y]) => `H${x}V${y}`).join("")}`
        : `M${points.map((point) => point.join(" ")).join("L")}${end}`);
    } else {
      path.setAttribute("d", `M0 ${(drawnPoints(path)[0][1] * down).toFixed(2)}h${width}`);
    }
    delete path.dataset.d;
  });
  plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
  for (const item of all("[display=none]", copy)) item.remove();
  copy.prepend(document.getElementById("markers").firstElementChild.cloneNode(true));
}

/* The numbers of an environment stand in the tables of all of them: a link there leaves only its rows. */
for (const link of all("[data-find]")) {
  link.addEventListener("click", () => {
    for (const input of all("[data-filter=scores], [data-filter=efficiency]")) {
      input.value = link.dataset.find;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
}

const charts = all("svg.chart");
for (const chart of charts) readCurves(chart);
for (const svg of all("svg[data-rows]")) readRows(svg);
for (const list of all(".place ul, .forest")) readList(list);
const axis = document.getElementById("axis");
axis?.addEventListener("change", () => { for (const chart of charts) takeAxis(chart, axis.value); });
for (const button of all("[data-only]")) {
  button.addEventListener("click", () => {
    for (const input of all("[data-series]")) {
      if (input.checked !== (button.dataset.only === "" || input.dataset.series === button.dataset.only)) input.click();
    }
  });
}
