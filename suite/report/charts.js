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

function cursor(chart) {
  const figure = chart.closest("figure");
  const plot = chart.querySelector(".plot");
  const box = ["x", "y", "width", "height"].map((name) => Number(plot.getAttribute(name)));
  const { width, height } = plot.viewBox.baseVal;
  let at = width;
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("aria-hidden", "true");
  function hide() {
    tip.remove();
    chart.querySelector(":scope > .cursor")?.remove();
  }
  function show(wanted, step = 0) {
    const shown = readable(chart);
    const stops = [...new Set(shown.flatMap(({ marks }) => marks.map(({ x }) => Math.round(x))))].sort((a, b) => a - b);
    if (!stops.length) return hide();
    const nearest = stops.reduce((best, stop, i) => (Math.abs(stop - wanted) < Math.abs(stops[best] - wanted) ? i : best), 0);
    at = stops[Math.max(0, Math.min(stops.length - 1, nearest + step))];
    const found = shown.flatMap(({ series, entry, marks }) => {
      const mark = marks.reduce((best, each) => (Math.abs(each.x - at) < Math.abs(best.x - at) ? each : best));
      return at > marks.at(-1).x + 2 || at < marks[0].x - 2 ? [] : [{ series, entry, ...mark }];
    }).sort((a, b) => a.y - b.y);
    const axis = all(".axis", chart).find((each) => !each.hasAttribute("display"));
    const [low, high] = axis.dataset.ends.split(" ").map(Number);
    const where = (low + (high - low) * (at / width)).toLocaleString("en", { maximumSignificantDigits: 3 });
    const heading = document.createElement("b");
    heading.textContent = `${axis.dataset.label}: ${where}`;
    const rows = found.map(({ series, entry, value, limits, seeds }) => {
      const row = document.createElement("span");
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.setProperty("--colour", getComputedStyle(chart.querySelector(`.series-${series}.mean`)).stroke);
      swatch.textContent = document.querySelector(`[data-series="${series}"] + .swatch`)?.textContent ?? "●";
      const count = seeds === undefined ? "" : `${seeds} seed${seeds === 1 ? "" : "s"}`;
      row.append(swatch, ...[entry, value, limits, count].map((text) => Object.assign(document.createElement("span"), { textContent: text })));
      return row;
    });
    tip.replaceChildren(heading, ...rows);
    chart.querySelector(":scope > .cursor")?.remove();
    const [x, y] = [box[0] + (at * box[2]) / width, (units) => box[1] + (units * box[3]) / height];
    const line = document.createElementNS(chart.namespaceURI, "g");
    line.setAttribute("class", "cursor");
    line.innerHTML = `<path d="M${x} ${box[1]}v${box[3]}"/>${found.map((each) => `<circle cx="${box[0] + (each.x * box[2]) / width}" cy="${y(each.y)}" r="4"/>`).join("")}`;
    chart.append(line);
    figure.append(tip);
    const [outer, inner] = [figure.getBoundingClientRect(), chart.getBoundingClientRect()];
    const left = inner.left - outer.left + (x / chart.viewBox.baseVal.width) * inner.width;
    tip.style.left = `${Math.max(0, Math.min(outer.width - tip.offsetWidth, left < outer.width / 2 ? left + 12 : left - 12 - tip.offsetWidth))}px`;
    tip.style.top = `${inner.top - outer.top + 12}px`;
    chart.setAttribute("aria-valuenow", Math.round((100 * at) / width));
    chart.setAttribute("aria-valuetext", [heading, ...rows].map((row) => [...row.childNodes].filter((node) => node.className !== "swatch").map((node) => node.textContent).filter(Boolean).join(" ")).join("; "));
  }
  const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity };
  const described = { tabindex: 0, role: "slider", "aria-label": `Values of ${figure.querySelector("figcaption").firstChild.textContent.trim()}`, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 100, "aria-valuetext": "arrow keys read the values" };
  for (const [name, content] of Object.entries(described)) chart.setAttribute(name, content);
  chart.parentElement.removeAttribute("tabindex");
  chart.addEventListener("pointermove", (event) => {
    const inner = chart.getBoundingClientRect();
    show((((event.clientX - inner.left) / inner.width) * chart.viewBox.baseVal.width - box[0]) * (width / box[2]));
  });
  chart.addEventListener("pointerleave", () => { if (document.activeElement !== chart) hide(); });
  chart.addEventListener("focus", () => show(at));
  chart.addEventListener("blur", hide);
  chart.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    if (!(event.key in steps)) return;
    event.preventDefault();
    show(at, steps[event.key]);
  });
}

/* A chart that leaves the page has its paths in pixels, its markers with it, and nothing that is not shown. */
function taken(chart, copy) {
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
  for (const item of all(".cursor, [display=none]", copy)) item.remove();
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
for (const chart of charts) cursor(chart);
const axis = document.getElementById("axis");
axis?.addEventListener("change", () => { for (const chart of charts) takeAxis(chart, axis.value); });
for (const button of all("[data-only]")) {
  button.addEventListener("click", () => {
    for (const input of all("[data-series]")) {
      if (input.checked !== (button.dataset.only === "" || input.dataset.series === button.dataset.only)) input.click();
    }
  });
}
