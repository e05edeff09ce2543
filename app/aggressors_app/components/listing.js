// A table whose cells may be drawn: bars, intervals, small histograms, badges, thumbnails.
// Data only ever becomes text nodes, attributes of known elements or numbers in SVG.

const tone = (name) => `var(--st-${name}-color)`;
const strong = (name) => (name === "primary" ? "var(--st-primary-color)" : `var(--st-${name}-text-color)`);

// The scale runs from `min` to `max`; the solid bar ends where the claim is safe.
function meter(cell) {
  const box = element("div", "meter");
  const { value, low, high, min = 0, max = 1, color = "primary" } = cell;
  const x = (v) => (100 * (Math.min(Math.max(v, min), max) - min)) / (max - min || 1);
  const svg = shape("svg", { viewBox: "0 0 100 18", preserveAspectRatio: "none", "aria-hidden": "true" });
  const rule = (a, b, y, h, fill, opacity) =>
    svg.append(shape("rect", { x: Math.min(a, b), width: Math.abs(b - a), y, height: h, rx: 1.5, style: `fill:${fill};opacity:${opacity}` }));
  rule(0, 100, 6, 6, "var(--st-border-color)", 0.55);
  const zero = x(0);
  const bounded = low !== undefined && low !== null && high !== null;
  const crosses = bounded && low < 0 && high > 0;
  const safe = !bounded ? value : crosses ? 0 : value >= 0 ? low : high;
  rule(zero, x(value), 6, 6, tone(color), bounded ? 0.35 : 1);
  if (bounded) {
    rule(zero, x(safe), 6, 6, tone(color), 1);
    rule(x(low), x(high), 8.3, 1.4, "var(--st-text-color)", 0.85);
    for (const end of [low, high]) rule(x(end) - 0.5, x(end) + 0.5, 5, 8, "var(--st-text-color)", 0.85);
  }
  if (min < 0) rule(zero - 0.3, zero + 0.3, 2, 14, "var(--st-text-color)", 0.5);
  const figure = element("div", "figure", cell.text);
  if (cell.sub) figure.append(element("span", "sub quiet", cell.sub));
  box.append(svg, figure);
  return box;
}

function histogram(cell) {
  const svg = shape("svg", { class: "spark", viewBox: "0 0 92 26", preserveAspectRatio: "none", role: "img" });
  const title = shape("title", {});
  title.textContent = cell.text;
  svg.append(title);
  const top = Math.max(...cell.inside, ...cell.rest, 1e-9);
  const step = 92 / Math.max(cell.inside.length, 1);
  const tall = (v) => (24 * v) / top;
  const rect = (x, width, h, style) => svg.append(shape("rect", { x, y: 26 - h, width: Math.max(width, 0.8), height: h, style }));
  if (cell.apart) {
    const wide = Math.min(step, 26);
    cell.inside.forEach((v, i) => {
      rect(i * wide, wide / 2 - 1.5, tall(v), `fill:${tone(cell.color || "red")}`);
      rect(i * wide + wide / 2 - 1, wide / 2 - 2.5, tall(cell.rest[i] ?? 0), "fill:var(--st-gray-color);opacity:.45");
    });
    return svg;
  }
  cell.rest.forEach((v, i) => rect(i * step, step - 1.2, tall(v), "fill:var(--st-gray-color);opacity:.28"));
  cell.inside.forEach((v, i) => rect(i * step + 1.2, Math.max(step - 3.6, 1), tall(v), `fill:${tone(cell.color || "red")}`));
  return svg;
}

const ICONS = {
  explore: "M5 16a2 2 0 1 0 0 .01M10 8a2 2 0 1 0 0 .01M17 13a2 2 0 1 0 0 .01M17 5a1.5 1.5 0 1 0 0 .01M3 3v18h18",
  save: "M6 3h12v18l-6-4.5L6 21z",
  saved: "M6 3h12v18l-6-4.5L6 21z",
  remove: "M5 5l14 14M19 5L5 19",
};

// A click or key on a button inside a row is not one on the row.
function pressed(button, run) {
  button.onclick = (event) => { event.stopPropagation(); run(); };
  button.ondblclick = (event) => event.stopPropagation();
  button.onkeydown = (event) => { if (event.key === "Enter" || event.key === " ") event.stopPropagation(); };
}

// Buttons of a row; `act` is set by the table, which knows the row.
function buttons(cell, act) {
  const box = element("div", "buttons");
  for (const { act: name, icon, help, disabled } of cell.buttons) {
    const button = element("button", icon === "saved" ? "icon full" : "icon");
    button.title = help;
    button.setAttribute("aria-label", help);
    button.disabled = disabled;
    const svg = shape("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" });
    svg.append(shape("path", { d: ICONS[icon] || "" }));
    button.append(svg);
    pressed(button, () => act(name));
    box.append(button);
  }
  return box;
}

const DRAW = {
  text(cell) {
    const box = element("div");
    if (cell.text) box.append(element("div", cell.strong ? "name" : "word", cell.text));
    if (cell.sub) box.append(element("div", "sub quiet", cell.sub));
    return box;
  },
  number: (cell) => element("span", "nowrap", cell.text),
  badge(cell) {
    const badge = element("span", "badge", cell.text);
    badge.style.setProperty("--tone", strong(cell.color || "gray"));
    return badge;
  },
  mark(cell, act) {
    const mark = element(cell.act ? "button" : "span", "mark cell", cell.text);
    if (cell.act) pressed(mark, () => act(cell.act));
    mark.style.setProperty("--tone", strong(cell.color || "gray"));
    if (cell.sub) mark.title = cell.sub;
    return mark;
  },
  meter,
  histogram,
  buttons,
  image(cell) {
    const image = element("img", "thumb");
    image.alt = cell.text || "";
    if (cell.src && cell.src.startsWith("data:image/")) image.src = cell.src;
    return image;
  },
};

function head(columns) {
  const row = element("tr");
  for (const column of columns) {
    const cell = element("th", column.right ? "right" : "");
    cell.append(element("span", "head", column.title));
    cell.scope = "col";
    if (column.help) cell.title = column.help;
    if (column.width) cell.style.width = column.width;
    row.append(cell);
  }
  const part = element("thead");
  part.append(row);
  return part;
}

// Scroll the table, never the page, until a row is in sight below the head.
function show(scroll, line) {
  const above = line.offsetTop - 34;
  const below = line.offsetTop + line.offsetHeight - scroll.clientHeight;
  if (scroll.scrollTop > above) scroll.scrollTop = above;
  else if (scroll.scrollTop < below) scroll.scrollTop = below;
}

// The widest figure of each column, so that all bars of a column share one track.
function figures(rows, columns) {
  return columns.map((_, i) => {
    const meters = rows.map((row) => row.cells[i]).filter((cell) => cell && cell.kind === "meter");
    const most = (name) => Math.max(0, ...meters.map((cell) => (cell[name] || "").length));
    return [`${most("text") + 0.5}ch`, `${0.87 * most("sub") + 0.5}ch`];
  });
}

// End at the border of a row, and say how many follow.
function fit(scroll, below, height) {
  const lines = [...scroll.querySelectorAll("tbody tr")];
  const end = (line) => line.offsetTop + line.offsetHeight;
  const whole = lines.filter((line) => end(line) <= height);
  const cut = lines.length && end(lines.at(-1)) > height + 1 && whole.length;
  scroll.style.maxHeight = cut ? `${end(whole.at(-1))}px` : `${Math.max(height, 120)}px`;
  const tell = () => {
    const bottom = scroll.scrollTop + scroll.clientHeight + 4;
    const hidden = lines.filter((line) => end(line) > bottom && line.className !== "group").length;
    below.textContent = hidden ? `↓ ${hidden} more` : "↑ Back to the top";
  };
  below.hidden = !cut;
  below.onclick = () => {
    const next = lines.find((line) => end(line) > scroll.scrollTop + scroll.clientHeight + 4);
    scroll.scrollTop = next ? next.offsetTop - (scroll.querySelector("thead")?.offsetHeight ?? 0) : 0;
  };
  scroll.onscroll = tell;
  tell();
}

export default function (component) {
  const { parentElement, setTriggerValue } = component;
  const data = given(component);
  const root = parentElement.querySelector(".root");
  const had = root.contains(parentElement.activeElement);
  const table = element("table", data.spare ? "spare" : "");
  table.setAttribute("role", data.pick ? "grid" : "table");
  table.setAttribute("aria-label", data.label);
  if (!data.bare) table.append(head(data.columns));
  const body = element("tbody");
  const rows = [];
  let group = null;
  const widths = figures(data.rows, data.columns);
  for (const row of data.rows) {
    if (row.group && row.group !== group) {
      const line = element("tr", "group");
      const cell = element("td", "", row.group);
      cell.colSpan = data.columns.length;
      line.append(cell);
      body.append(line);
    }
    group = row.group || null;
    const line = element("tr", [data.pick ? "pick" : "", row.muted ? "muted" : ""].join(" "));
    row.cells.forEach((cell, i) => {
      const box = element("td", data.columns[i].right ? "right" : "");
      box.style.setProperty("--figure", widths[i][0]);
      box.style.setProperty("--sub", widths[i][1]);
      if (cell) box.append(DRAW[cell.kind](cell, (act) => setTriggerValue("acted", { act, id: row.id })));
      line.append(box);
    });
    // the same help stands on every row; what it is about is told apart
    for (const button of line.querySelectorAll(".icon")) {
      button.setAttribute("aria-label", `${button.title}: ${line.querySelector(".name, .word")?.textContent ?? ""}`);
    }
    if (data.pick) rows.push([row.id, line]);
    body.append(line);
  }
  table.append(body);

  let chosen = rows.findIndex(([id]) => id === data.chosen);
  let timer = null;
  const choose = (index, report) => {
    chosen = Math.min(Math.max(index, 0), rows.length - 1);
    rows.forEach(([, line], i) => {
      line.setAttribute("aria-selected", String(i === chosen));
      line.tabIndex = i === Math.max(chosen, 0) ? 0 : -1;
    });
    clearTimeout(timer);
    if (report) timer = setTimeout(() => setTriggerValue("chosen", rows[chosen][0]), report);
  };
  rows.forEach(([id, line], i) => {
    line.setAttribute("aria-selected", String(i === chosen));
    line.tabIndex = i === Math.max(chosen, 0) ? 0 : -1;
    line.onclick = () => { choose(i, 1); line.focus(); };
    line.ondblclick = () => setTriggerValue("opened", id);
    line.onkeydown = (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) { choose(i + step, 200); rows[chosen][1].focus(); event.preventDefault(); }
      if (event.key === "Enter") setTriggerValue("opened", id);
      if (event.key === " ") { choose(i, 1); event.preventDefault(); }
      if (step || event.key === "Enter" || event.key === " ") event.stopPropagation();
    };
  });

  const scroll = element("div", "scroll");
  scroll.append(table);
  const below = element("div", "below quiet");
  below.hidden = true;
  const frame = element("div", "frame");
  frame.append(scroll, below);
  const old = root.querySelector(".scroll");
  const place = old ? old.scrollTop : null;
  root.replaceChildren(frame);
  const watch = new ResizeObserver(() => data.height && fit(scroll, below, data.height));
  watch.observe(table);
  if (data.height) fit(scroll, below, data.height);
  if (place !== null) scroll.scrollTop = place;
  if (chosen >= 0) show(scroll, rows[chosen][1]);
  if (had && chosen >= 0) rows[chosen][1].focus({ preventScroll: true });
  return () => { clearTimeout(timer); watch.disconnect(); };
}
