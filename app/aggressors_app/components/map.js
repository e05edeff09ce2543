// Linked maps over the same positions: what the mouse and the keyboard do with them.

const LASSO_POINTS = 32;
const STILL = 4; // pixels a click may wander
const TOOLS = [
  ["lasso", "Lasso", "Draw around samples to filter"],
  ["box", "Box", "Drag a box to filter"],
  ["pan", "Pan", "Drag the map"],
];
const HELP = "Keys: plus and minus zoom, arrows move, Escape shows everything. The samples in view are in the list below.";

// Drop the points that turn least until few enough are left.
function simplify(points) {
  const kept = points.slice();
  const area = (a, b, c) => Math.abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]));
  while (kept.length > LASSO_POINTS) {
    let least = 1;
    for (let i = 1; i < kept.length - 1; i++) {
      if (area(kept[i - 1], kept[i], kept[i + 1]) < area(kept[least - 1], kept[least], kept[least + 1])) least = i;
    }
    kept.splice(least, 1);
  }
  return kept;
}

// Shift a stretch so that it lies within another, which is longer.
function inside(from, to, low, high) {
  const by = Math.max(low - from, 0) + Math.min(high - to, 0);
  return [from + by, to + by];
}

class Maps {
  constructor(root) {
    this.root = root;
    this.tool = "lasso";
    this.drag = null;
    this.hover = null;
    this.panels = [];
    this.pictures = new Map();
    this.bar = element("div", "bar");
    this.maps = element("div", "maps");
    root.replaceChildren(this.bar, this.maps);
    this.resize = new ResizeObserver(() => this.draw());
    this.resize.observe(root);
  }

  update(header, send) {
    this.send = send;
    const asked = header.view.join();
    // The server answers a zoom late; its answer must not undo a newer one.
    if (!this.view || asked !== this.asked || header.run !== this.data.run) this.view = header.view.slice();
    this.asked = asked;
    this.data = header;
    this.root.style.setProperty("--height", `${header.height}px`);
    this.load();
    this.equip();
    // Canvases stay, so that keys still reach them after an answer.
    while (this.panels.length > header.layers.length) this.panels.pop().box.remove();
    while (this.panels.length < header.layers.length) this.panels.push(this.panel(this.panels.length));
    this.panels.forEach((panel, i) => this.fill(panel, header.layers[i]));
    this.draw();
  }

  load() {
    this.pictures = new Map();
    for (const [at, uri] of Object.entries(this.data.dots?.pictures ?? {})) {
      if (!uri.startsWith("data:image/")) continue;
      const picture = new Image();
      picture.onload = () => this.draw();
      picture.src = uri;
      this.pictures.set(Number(at), picture);
    }
  }

  panel(at) {
    const box = element("div", "panel");
    const title = element("div", "title");
    const label = element("label", "what");
    const select = element("select");
    const read = element("span", "read quiet small");
    select.onchange = () => this.send("color", [at, select.value]);
    label.append(element("span", "quiet", "Colour by"), select);
    title.append(label, read);
    const stage = element("div", "stage");
    const canvas = element("canvas", this.tool);
    canvas.setAttribute("role", "img");
    canvas.tabIndex = 0;
    const tip = element("div", "tip small");
    tip.hidden = true;
    stage.append(canvas, tip);
    const key = element("div");
    box.append(title, stage, key);
    this.maps.append(box);
    const made = { at, box, select, read, canvas, tip, key, taken: [], marks: [] };
    this.listen(made);
    return made;
  }

  fill(panel, layer) {
    const { select, canvas } = panel;
    panel.layer = layer;
    panel.image = bitmap(layer, this.data.size);
    select.replaceChildren(
      ...this.data.options.filter(([, names]) => names.length).map(([group, names]) => {
        const part = element("optgroup");
        part.label = group;
        part.append(...names.map(([name, title]) => Object.assign(element("option", "", title), { value: name })));
        return part;
      }),
    );
    select.value = layer.name;
    select.setAttribute("aria-label", `Colour of map ${panel.at + 1}`);
    canvas.className = this.tool;
    canvas.setAttribute("aria-label", `Map coloured by ${layer.title}: ${this.data.scope}. ${layer.told} ${HELP}`);
    const had = panel.key.contains(this.root.getRootNode().activeElement);
    const shown = legend(layer, (name, value) => this.send("pick", [name, value]));
    panel.key.replaceWith(shown);
    panel.key = shown;
    if (had) canvas.focus({ preventScroll: true });
  }

  // The row above the maps: what is in view, and what can be done.
  equip() {
    const bar = [element("span", "scope", this.data.scope), element("span", "stretch")];
    const button = (words, help, act, pressed) => {
      const made = element("button", "", words);
      made.title = help;
      if (pressed !== undefined) made.setAttribute("aria-pressed", String(pressed));
      made.onclick = act;
      return made;
    };
    const group = (...buttons) => {
      const made = element("span", "group");
      made.append(...buttons);
      return made;
    };
    if (this.data.region) bar.push(button("Clear region", "Take the region out of the filter", () => this.send("region", [])));
    const tools = TOOLS.map(([tool, words, help]) => button(words, help, () => { this.tool = tool; this.equip(); this.restyle(); }, this.tool === tool));
    const zooms = [["−", "Zoom out", 1.5], ["+", "Zoom in", 1 / 1.5]].map(([words, help, by]) => button(words, help, () => this.zoom(by)));
    const home = button("All", "Show everything (double click)", () => this.home());
    const two = this.data.layers.length > 1;
    const maps = button(two ? "One map" : "Two maps", two ? "Show one large map" : "Show two maps side by side", () => this.send("maps", two ? 1 : 2));
    bar.push(group(...tools), group(...zooms, home), maps);
    this.bar.replaceChildren(...bar);
  }

  restyle() {
    for (const { canvas } of this.panels) canvas.className = this.tool;
  }

  move(view, word) {
    this.view = view;
    this.draw();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.asked = this.view.join();
      this.send("view", word ?? this.view.map((v) => Number(v.toPrecision(6))));
    }, 220);
  }

  home() {
    this.move(this.data.home.slice(), "home");
  }

  // Out to all of the map and no further; what is in view near an edge slides inside it.
  zoom(factor, at) {
    const [x0, x1, y0, y1] = this.view;
    const [x, y] = at ?? [(x0 + x1) / 2, (y0 + y1) / 2];
    const [left, right, bottom, top] = this.data.home;
    if ((x1 - x0) * factor >= right - left || (y1 - y0) * factor >= top - bottom) {
      if (this.view.join() !== this.data.home.join()) this.home();
      return;
    }
    const view = [x + (x0 - x) * factor, x + (x1 - x) * factor, y + (y0 - y) * factor, y + (y1 - y) * factor];
    if (factor < 1) return this.move(view);
    this.move([...inside(view[0], view[1], left, right), ...inside(view[2], view[3], bottom, top)]);
  }

  shift(across, up) {
    const [x0, x1, y0, y1] = this.view;
    const [dx, dy] = [across * (x1 - x0), up * (y1 - y0)];
    this.move([x0 + dx, x1 + dx, y0 + dy, y1 + dy]);
  }

  point(canvas, event) {
    const box = canvas.getBoundingClientRect();
    const [x0, x1, y0, y1] = this.view;
    const u = (event.clientX - box.left) / box.width;
    const v = (event.clientY - box.top) / box.height;
    return [x0 + u * (x1 - x0), y1 - v * (y1 - y0)];
  }

  listen(panel) {
    const { canvas } = panel;
    canvas.onwheel = (event) => {
      event.preventDefault();
      this.zoom(Math.exp(Math.min(Math.max(event.deltaY, -120), 120) * 0.0022), this.point(canvas, event));
    };
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      const from = this.point(canvas, event);
      this.drag = { from, points: [from], start: [event.clientX, event.clientY], still: true };
    };
    canvas.onpointermove = (event) => {
      this.hover = { panel, at: this.point(canvas, event) };
      if (this.drag) this.dragged(canvas, event);
      this.draw();
    };
    canvas.onpointerleave = () => { this.hover = null; this.draw(); };
    canvas.onpointerup = () => this.dropped(panel);
    canvas.onpointercancel = () => { this.drag = null; this.draw(); };
    canvas.ondblclick = () => this.home();
    canvas.onkeydown = (event) => this.key(event);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const shifts = { ArrowLeft: [-0.12, 0], ArrowRight: [0.12, 0], ArrowUp: [0, 0.12], ArrowDown: [0, -0.12] };
    if (shifts[event.key]) this.shift(...shifts[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(1 / 1.5);
    else if (event.key === "-" || event.key === "_") this.zoom(1.5);
    else if (event.key === "Escape" && this.drag) { this.drag = null; this.draw(); }
    else if (event.key === "Escape" || event.key === "Home") this.home();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  dragged(canvas, event) {
    const [x, y] = this.point(canvas, event);
    const { from, points, start } = this.drag;
    if (Math.hypot(event.clientX - start[0], event.clientY - start[1]) > STILL) this.drag.still = false;
    if (this.tool === "pan") {
      const [dx, dy] = [from[0] - x, from[1] - y];
      this.move([this.view[0] + dx, this.view[1] + dx, this.view[2] + dy, this.view[3] + dy]);
    } else if (this.tool === "box") {
      this.drag.points = [from, [x, from[1]], [x, y], [from[0], y]];
    } else {
      points.push([x, y]);
    }
  }

  dropped(panel) {
    const drag = this.drag;
    this.drag = null;
    if (drag?.still) {
      const met = this.met(panel, drag.from);
      if (met >= 0) this.send("chosen", this.data.dots.ids[met]);
    }
    if (!drag || drag.still || this.tool === "pan" || drag.points.length < 3) return this.draw();
    const region = simplify(drag.points).map((p) => p.map((v) => Number(v.toPrecision(5))));
    this.data.region = region;
    this.draw();
    this.send("region", region);
  }

  // Place in the list of dots of the one under a point, pictures first; -1 for none.
  met({ canvas, taken }, [x, y]) {
    if (!this.data.dots) return -1;
    const [x0, x1, y0, y1] = this.view;
    const [across, up] = [canvas.clientWidth / (x1 - x0), canvas.clientHeight / (y1 - y0)];
    const ratio = window.devicePixelRatio || 1;
    const [px, py] = [(x - x0) * across, (y1 - y) * up];
    const shown = taken.find(([tx, ty]) => Math.abs(tx / ratio - px) <= PICTURE / 2 && Math.abs(ty / ratio - py) <= PICTURE / 2);
    if (shown) return shown[2];
    let [best, least] = [-1, NEAR];
    this.data.dots.x.forEach((dx, i) => {
      const far = Math.hypot((dx - x) * across, (this.data.dots.y[i] - y) * up);
      if (far < least) [best, least] = [i, far];
    });
    return best;
  }

  draw() {
    if (!this.data) return;
    const style = getComputedStyle(this.root);
    const css = (name, other) => style.getPropertyValue(name).trim() || other;
    const theme = {
      ink: css("--st-text-color", "#222222"),
      accent: css("--st-primary-color", "#4444ee"),
      paper: css("--st-background-color", "#ffffff"),
    };
    for (const panel of this.panels) this.paint(panel, theme);
  }

  paint(panel, theme) {
    const { layer, canvas, image } = panel;
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (!w || !h || !layer) return;
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, w, h);
    const [x0, x1, y0, y1] = this.view;
    const X = (x) => ((x - x0) / (x1 - x0)) * w;
    const Y = (y) => ((y1 - y) / (y1 - y0)) * h;
    const frame = { context, X, Y, ratio, w, h, layer, image, at: panel.at, data: this.data, ...theme };
    drawBins(frame);
    panel.taken = this.data.dots ? drawDots(frame, this.pictures) : [];
    panel.marks = drawOutlines(frame);
    drawRegion(frame, this.drag && this.tool !== "pan" ? this.drag.points : this.data.region);
    if (this.data.chosen) drawRing(frame, this.data.chosen, 9, true);
    this.tell(panel, frame);
  }

  // What lies under the cursor: beside it where it is one sample or aggressor, else in the title.
  tell(panel, frame) {
    panel.read.textContent = panel.layer.note;
    panel.tip.hidden = true;
    if (!this.hover) return;
    const { at } = this.hover;
    const met = this.met(panel, at);
    const own = this.hover.panel === panel && !this.drag;
    if (met >= 0) {
      const { told, values, x, y } = this.data.dots;
      panel.read.textContent = values[panel.at][met];
      drawRing(frame, [x[met], y[met]], 7, false);
      if (own) this.tip(panel, frame, [x[met], y[met]], told[met]);
      return;
    }
    drawRing(frame, at, 6, false);
    const marker = panel.marks.find(({ x, y, r }) => Math.hypot(x - frame.X(at[0]), y - frame.Y(at[1])) < r + 2 * frame.ratio);
    if (marker && own) this.tip(panel, frame, marker.middle, [`Aggressor ${marker.name}`, marker.title]);
    panel.read.textContent = this.under(panel.layer, at) || panel.layer.note;
  }

  tip(panel, { X, Y, ratio }, [x, y], lines) {
    panel.tip.replaceChildren(...lines.map((line, i) => element("div", i ? "" : "first", line)));
    panel.tip.hidden = false;
    const [px, py] = [X(x) / ratio, Y(y) / ratio];
    const left = px > panel.canvas.clientWidth / 2;
    panel.tip.style.left = left ? "auto" : `${px + 14}px`;
    panel.tip.style.right = left ? `${panel.canvas.clientWidth - px + 14}px` : "auto";
    panel.tip.style.top = `${Math.min(Math.max(py - 12, 4), panel.canvas.clientHeight - 64)}px`;
  }

  under(layer, [x, y]) {
    if (this.data.dots) return "";
    const [x0, x1, y0, y1] = this.data.bins;
    const [columns, rows] = this.data.size;
    const column = Math.floor(((x - x0) / (x1 - x0)) * columns);
    const row = Math.floor(((y1 - y) / (y1 - y0)) * rows);
    // Dots are larger than their bin: look around the cursor too.
    for (const [dx, dy] of [[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1], [1, -1], [-1, 1]]) {
      const [c, r] = [column + dx, row + dy];
      if (c < 0 || r < 0 || c >= columns || r >= rows) continue;
      const place = r * columns + c;
      const words = reading(layer, layer.pixels[place], this.data.counts[place]);
      if (words) return words;
    }
    return "";
  }
}

export default function (component) {
  const { parentElement, setTriggerValue } = component;
  const data = given(component);
  const root = parentElement.querySelector(".root");
  root.maps ??= new Maps(root);
  root.maps.update(unpack(data), setTriggerValue);
}
