// Samples as tiles or rows: click, arrow keys, and a heatmap overlay that is drawn in the browser.
// Data only ever becomes text nodes, image sources that start with data:image/, and pixels.

const CLASSES = { prediction: "Predicted", label: "True class", difference: "Difference" };
const SETTLED_MS = 500; // without a change of the slider, until the address keeps it

// From transparent violet over orange to yellow; strong where the map is.
function heat(v) {
  return [Math.min(1, 0.35 + 1.1 * v), Math.max(0, 1.25 * v - 0.3), Math.max(0, 0.45 - 0.6 * v), Math.min(1, 0.15 + v)];
}

// Orange where the predicted class has more of its attention, blue where the true class has.
function lean(v) {
  const strong = Math.min(1, Math.abs(v)) ** 0.7;
  return v > 0 ? [0.93, 0.45, 0.06, strong] : [0.16, 0.52, 0.95, strong];
}

// What to draw, one number a cell; null where the two classes are one and nothing differs.
function values(item, of) {
  const read = (text) => Array.from(atob(text), (byte) => byte.charCodeAt(0));
  const first = read(item.pixels);
  const second = item.label ? read(item.label) : first;
  if (of !== "difference") return (of === "label" ? second : first).map((byte) => byte / 255);
  if (!item.label) return null;
  const total = (bytes) => Math.max(1, bytes.reduce((sum, byte) => sum + byte, 0));
  const [all, other] = [total(first), total(second)];
  const gap = first.map((byte, i) => byte / all - (second[i] ?? 0) / other);
  const reach = Math.max(1e-9, ...gap.map(Math.abs));
  return gap.map((share) => share / reach);
}

function paint(canvas, item, of) {
  const { height, width } = item;
  canvas.width = width;
  canvas.height = height;
  const shown = values(item, of);
  if (!shown) return;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const color = (of === "difference" ? lean : heat)(shown[i] ?? 0);
    color.forEach((part, channel) => { image.data[4 * i + channel] = 255 * part; });
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// A word as engine/aggressors/tokens.py reads it.
const LETTER = "[\\p{L}\\p{M}\\p{N}]";
const WORD = new RegExp(`${LETTER}+(?:['\u2019]${LETTER}+)*`, "gu");

// Text nodes, with the words of a list inside <mark>.
function prose(text, words) {
  const box = element("div", "text quiet");
  const telling = new Set(words);
  let at = 0;
  for (const match of telling.size ? text.matchAll(WORD) : []) {
    if (!telling.has(match[0].toLowerCase())) continue;
    box.append(text.slice(at, match.index), element("mark", "", match[0]));
    at = match.index + match[0].length;
  }
  box.append(text.slice(at));
  return box;
}

function facts(item) {
  const box = element("div", "text facts");
  box.append(element("div", "quiet", item.id));
  for (const [name, value, odd] of item.values) {
    const line = element("div");
    line.append(element("span", "quiet", `${name} `), element(odd ? "mark" : "span", "", value));
    box.append(line);
  }
  return box;
}

function tile(item) {
  const box = element("div", item.done ? "tile done" : "tile");
  box.setAttribute("role", "gridcell");
  box.title = item.title || item.id;
  const view = element("div", item.src ? "view" : "view written");
  if (item.src && item.src.startsWith("data:image/")) {
    const image = element("img");
    image.src = item.src;
    image.alt = item.title || item.id;
    if (item.small) image.style.imageRendering = "pixelated";
    view.append(image);
  } else {
    view.append(item.text ? prose(item.text, item.words) : facts(item));
  }
  if (item.heat) view.append(element("canvas"));
  if (item.flag) view.append(element("span", "flag", item.flag));
  if (item.alike) view.append(element("span", "alike", item.alike));
  box.append(view);
  const caption = element("div", "caption");
  for (const [left, right, wrong] of item.lines) {
    const line = element("div");
    line.append(element("span", wrong ? "left wrong" : "left", left), element("span", "quiet", right));
    caption.append(line);
  }
  box.append(caption);
  return box;
}

// One sample as a row; long texts are cut until the row is chosen.
function row(item, columns) {
  const line = element("tr", item.done ? "line done" : "line");
  line.setAttribute("role", "row");
  line.title = item.title || item.id;
  columns.forEach((column, i) => {
    const [text, how] = item.cells[i] ?? ["", ""];
    const cell = element("td", [column.right ? "right" : "", column.wide ? "wide" : ""].join(" "));
    cell.setAttribute("role", "gridcell");
    if (i === 0 && item.src?.startsWith("data:image/")) {
      const image = element("img");
      image.src = item.src;
      image.alt = "";
      cell.append(image);
    }
    cell.append(column.wide ? element("div", "clamp", text) : element(how === "odd" ? "mark" : "span", how === "wrong" ? "wrong" : "", text));
    if (i === 0 && item.flag) cell.append(element("span", "flag inline", item.flag));
    line.append(cell);
  });
  return line;
}

function scroll(table) {
  const box = element("div", "scroll");
  box.append(table);
  return box;
}

function heads(columns, sort) {
  const line = element("tr");
  for (const column of columns) {
    const cell = element("th", column.right ? "right" : "");
    cell.scope = "col";
    const arrow = { down: " ↓", up: " ↑" }[column.order] ?? "";
    cell.setAttribute("aria-sort", { down: "descending", up: "ascending" }[column.order] ?? "none");
    const button = element(sort && column.name ? "button" : "span", "", column.title + arrow);
    if (sort && column.name) button.onclick = () => sort(column.name);
    cell.append(button);
    line.append(cell);
  }
  const part = element("thead");
  part.append(line);
  return part;
}

// Whose map is shown: for what the model says, for what is true, or how the two differ.
function classes(remember, slider, draw) {
  const group = element("span", "classes");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "Class that the heatmap explains");
  const note = element("span", "quiet small leans");
  const buttons = Object.entries(CLASSES).map(([of, name]) => {
    const button = element("button", "", name);
    button.dataset.of = of;
    button.onclick = () => {
      remember.of = of;
      if (Number(slider.value) === 0) slider.value = 70;
      slider.oninput();
      show();
      draw();
    };
    return button;
  });
  const show = () => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.of === remember.of));
    note.replaceChildren(
      ...(remember.of === "difference"
        ? [element("i", "more"), " more for the predicted class ", element("i", "less"), " for the true one"]
        : []),
    );
  };
  group.append(...buttons);
  show();
  return [group, note];
}

function bar(data, root, remember, draw, report) {
  const line = element("div", root.clientWidth < 280 ? "bar tight" : "bar");
  if (data.caption) line.append(element("span", "quiet", data.caption));
  if (!data.columns.length && data.items.some((item) => item.heat)) {
    const label = element("span", "heat");
    const slider = element("input");
    Object.assign(slider, { type: "range", min: 0, max: 100, value: remember.heat });
    slider.setAttribute("aria-label", "Heatmap opacity");
    slider.onkeydown = (event) => event.stopPropagation(); // arrows move the slider, not the page
    const toggle = element("button", "", "Heatmap");
    slider.oninput = () => {
      remember.heat = Number(slider.value);
      if (remember.heat) remember.last = remember.heat;
      root.style.setProperty("--heat", slider.value / 100);
      toggle.setAttribute("aria-pressed", String(remember.heat > 0));
    };
    slider.onchange = () => {
      clearTimeout(remember.telling); // each step of a key is a change; the last is told
      remember.telling = setTimeout(() => report(remember.heat), SETTLED_MS);
    };
    toggle.onclick = () => {
      slider.value = remember.heat ? 0 : remember.last || 70;
      slider.oninput();
      slider.onchange();
    };
    toggle.title = "Show where the model looked (key H)";
    slider.oninput();
    remember.toggle = toggle.onclick;
    label.append(toggle, slider);
    line.append(label);
    if (data.items.some((item) => item.heat?.label)) line.append(...classes(remember, slider, draw));
  }
  if (data.keys.length) {
    const keys = element("span", "keys quiet small");
    keys.title = "Keys of the grid: click a sample, or go there with Tab";
    if (Object.keys(data.actions).length) keys.append(`Click a ${data.columns.length ? "row" : "tile"}, then `);
    for (const [key, meaning] of data.keys) keys.append(element("kbd", "", key), ` ${meaning}  `);
    line.append(keys);
  }
  return line;
}

export default function (component) {
  const { parentElement, setTriggerValue } = component;
  const data = given(component);
  const root = parentElement.querySelector(".root");
  const remember = (root.remember ??= { heat: data.heat ?? 0, of: "prediction" });
  // What the address says wins where it has changed, such as by Back.
  if (remember.given !== data.heat) remember.heat = data.heat ?? 0;
  remember.given = data.heat;
  remember.toggle = null;
  const report = (heat) => {
    if (!data.heats) return;
    remember.given = heat;
    setTriggerValue("heated", heat);
  };
  const had = root.contains(parentElement.activeElement) && parentElement.activeElement.type !== "range";
  root.style.setProperty("--heat", remember.heat / 100);
  root.style.setProperty("--tile", `${data.tile}px`);

  const rows = data.columns.length > 0;
  const grid = element(rows ? "table" : "div", rows ? "rows" : data.reading ? "tiles reading" : "tiles");
  grid.setAttribute("role", "grid");
  grid.setAttribute("aria-label", data.label);
  const tiles = data.items.map((item) => (rows ? row(item, data.columns) : tile(item)));
  if (rows) {
    const body = element("tbody");
    body.append(...tiles);
    grid.append(heads(data.columns, data.sorts ? (name) => setTriggerValue("sorted", name) : null), body);
  } else grid.append(...tiles);
  const draw = () =>
    tiles.forEach((box, i) => {
      const canvas = box.querySelector("canvas");
      if (canvas) paint(canvas, data.items[i].heat, remember.of);
    });
  draw();

  let at = Math.max(0, data.items.findIndex((item) => item.id === data.chosen));
  let chosen = data.items.some((item) => item.id === data.chosen);
  let timer = null;
  const show = () =>
    tiles.forEach((box, i) => {
      box.setAttribute("aria-selected", String(chosen && i === at));
      box.tabIndex = i === at ? 0 : -1;
    });
  const choose = (index, wait) => {
    at = Math.min(Math.max(index, 0), tiles.length - 1);
    chosen = true;
    show();
    tiles[at].focus({ preventScroll: false });
    clearTimeout(timer);
    timer = setTimeout(() => setTriggerValue("chosen", data.items[at].id), wait);
  };
  const across = () => {
    const top = tiles[0].offsetTop;
    const next = tiles.findIndex((box) => box.offsetTop > top);
    return next < 0 ? tiles.length : next;
  };
  tiles.forEach((box, i) => { box.onclick = () => choose(i, 1); });
  grid.onkeydown = (event) => {
    if (event.target.closest("th")) return; // the heads of columns have keys of their own
    const end = { Home: 0, End: tiles.length - 1 }[event.key];
    // At the first or last sample of a page already: on to the first or last page.
    if (data.turns && end !== undefined && (event.ctrlKey || at === end)) {
      setTriggerValue("turned", event.key === "Home" ? "first" : "last");
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across(), ArrowUp: -across() };
    const action = data.actions[event.key.toLowerCase()];
    if (moves[event.key]) choose(at + moves[event.key], 150);
    else if (event.key === "Home") choose(0, 150);
    else if (event.key === "End") choose(tiles.length - 1, 150);
    else if (event.key === "PageDown" || event.key === "PageUp") setTriggerValue("turned", event.key === "PageDown" ? 1 : -1);
    else if (event.key === "Enter" || event.key === " ") choose(at, 1);
    else if (event.key.toLowerCase() === "h" && remember.toggle) remember.toggle();
    else if (action && data.chosen && !chosen) choose(at, 1); // the panel shows one of another page: first this one
    else if (action) setTriggerValue("acted", { action, id: data.items[at].id });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  show();

  const content = tiles.length ? grid : element("div", "none quiet", data.empty);
  root.replaceChildren(...(data.plain ? [] : [bar(data, root, remember, draw, report)]), rows ? scroll(content) : content);
  if (had && tiles.length) tiles[at].focus({ preventScroll: true });
  // What opens beside the grid moves its tiles; the one that was clicked stays in sight. It may
  // open before this component learns which one that was.
  remember.watch?.disconnect(); // what an earlier call returned is called at the very end only
  remember.watch = new ResizeObserver(() => {
    remember.moved ||= remember.width !== undefined && remember.width !== root.clientWidth;
    remember.width = root.clientWidth;
    if (!remember.moved || !chosen || !root.contains(parentElement.activeElement)) return;
    remember.moved = false;
    tiles[at].scrollIntoView({ block: "nearest" });
  });
  remember.watch.observe(root);
  return () => { clearTimeout(timer); remember.watch.disconnect(); };
}
