// Two or more linked maps over the same positions, drawn from one byte a bin.
// Data: length of the header (uint32), header (JSON), then width * height bytes a layer, row by row
// from the top; 0 is an empty bin, 1 to 254 a place on the layer's colours, 255 a bin that only the
// filter empties.

const SHADOW = 255;
const DOTS = 9000; // up to so many filled bins are drawn as dots, more as pixels
const LASSO_POINTS = 32;

function unpack(bytes) {
  const raw = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  const length = new DataView(raw.buffer, raw.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(raw.subarray(4, 4 + length)));
  const [width, height] = header.size;
  header.layers.forEach((layer, i) => {
    const start = 4 + length + i * width * height;
    layer.pixels = raw.subarray(start, start + width * height);
    layer.table = colours(layer);
  });
  return header;
}

function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

// Colour of each byte: the category's own, or interpolated along the ramp.
function colours(layer) {
  const stops = layer.colors.map(rgb);
  return Array.from({ length: 256 }, (_, v) => {
    if (v === 0) return null;
    if (v === SHADOW) return rgb("#8d94a8");
    if (layer.categories) return stops[(v - 1) % stops.length];
    const at = ((v - 1) / 253) * (stops.length - 1);
    const left = Math.min(Math.floor(at), stops.length - 2);
    return stops[left].map((c, i) => Math.round(c + (at - left) * (stops[left + 1][i] - c)));
  });
}

function bitmap(layer, [width, height]) {
  const image = new ImageData(width, height);
  layer.filled = 0;
  for (let i = 0; i < width * height; i++) {
    const colour = layer.table[layer.pixels[i]];
    if (!colour) continue;
    layer.filled++;
    image.data.set([...colour, layer.pixels[i] === SHADOW ? 60 : 255], 4 * i);
  }
  const canvas = element("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function legend(layer) {
  const line = element("div", "legend quiet");
  if (layer.categories) {
    layer.categories.forEach((name, i) => {
      const entry = element("span");
      const swatch = element("i");
      swatch.style.background = layer.colors[i % layer.colors.length];
      entry.append(swatch, name);
      line.append(entry);
    });
  } else {
    const ramp = element("span", "ramp");
    ramp.style.background = `linear-gradient(90deg, ${layer.colors.join(", ")})`;
    line.append(layer.low, ramp, layer.high);
  }
  return line;
}

function value(layer, byte) {
  if (!byte || byte === SHADOW) return "";
  if (layer.categories) return layer.categories[byte - 1] ?? "";
  const [from, to] = layer.range;
  const number = from + ((byte - 1) / 253) * (to - from);
  return Math.abs(number) >= 100 ? number.toFixed(0) : number.toPrecision(3);
}

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

class Maps {
  constructor(root) {
    this.root = root;
    this.tool = "lasso";
    this.drag = null;
    this.hover = null;
    this.panels = [];
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
    this.build();
    this.draw();
  }

  build() {
    const maps = element("div", "maps");
    this.panels = this.data.layers.map((layer, i) => {
      const panel = element("div", "panel");
      const title = element("div", "title");
      const read = element("span", "read quiet small");
      title.append(element("span", "what", layer.title), read);
      if (i === 0) title.append(this.tools());
      const canvas = element("canvas", this.tool);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `Map coloured by ${layer.title}`);
      this.listen(canvas);
      panel.append(title, canvas, legend(layer));
      maps.append(panel);
      return { layer, canvas, read, image: bitmap(layer, this.data.size) };
    });
    this.root.replaceChildren(maps);
  }

  tools() {
    const tools = element("div", "tools");
    for (const [tool, name] of [["pan", "Pan"], ["box", "Box"], ["lasso", "Lasso"]]) {
      const button = element("button", "", name);
      button.setAttribute("aria-pressed", String(this.tool === tool));
      button.onclick = () => { this.tool = tool; this.build(); this.draw(); };
      tools.append(button);
    }
    const home = element("button", "", "Home");
    home.title = "Show the whole map";
    home.onclick = () => this.move(this.data.home.slice());
    tools.append(home);
    if (this.data.region) {
      const clear = element("button", "", "Clear");
      clear.onclick = () => this.send.region([]);
      tools.append(clear);
    }
    return tools;
  }

  move(view) {
    this.view = view;
    this.draw();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.asked = this.view.join();
      this.send.view(this.view.map((v) => Number(v.toPrecision(6))));
    }, 220);
  }

  point(event) {
    const box = event.currentTarget.getBoundingClientRect();
    const [x0, x1, y0, y1] = this.view;
    const u = (event.clientX - box.left) / box.width;
    const v = (event.clientY - box.top) / box.height;
    return [x0 + u * (x1 - x0), y1 - v * (y1 - y0)];
  }

  listen(canvas) {
    canvas.onwheel = (event) => {
      event.preventDefault();
      const [x, y] = this.point(event);
      const factor = Math.exp(Math.min(Math.max(event.deltaY, -120), 120) * 0.0022);
      const [x0, x1, y0, y1] = this.view;
      this.move([x + (x0 - x) * factor, x + (x1 - x) * factor, y + (y0 - y) * factor, y + (y1 - y) * factor]);
    };
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.drag = { from: this.point(event), view: this.view.slice(), points: [this.point(event)] };
    };
    canvas.onpointermove = (event) => {
      this.hover = this.point(event);
      if (this.drag) this.dragged(event);
      this.draw();
    };
    canvas.onpointerleave = () => { this.hover = null; this.draw(); };
    canvas.onpointerup = () => this.dropped();
    canvas.onpointercancel = () => { this.drag = null; this.draw(); };
  }

  dragged(event) {
    const [x, y] = this.point(event);
    const { from, points } = this.drag;
    if (this.tool === "pan") {
      const dx = from[0] - x;
      const dy = from[1] - y;
      this.move([this.view[0] + dx, this.view[1] + dx, this.view[2] + dy, this.view[3] + dy]);
    } else if (this.tool === "box") {
      this.drag.points = [from, [x, from[1]], [x, y], [from[0], y]];
    } else {
      points.push([x, y]);
    }
  }

  dropped() {
    const drag = this.drag;
    this.drag = null;
    if (!drag || this.tool === "pan" || drag.points.length < 3) return this.draw();
    const region = simplify(drag.points).map((p) => p.map((v) => Number(v.toPrecision(5))));
    this.data.region = region;
    this.draw();
    this.send.region(region);
  }

  draw() {
    if (!this.data) return;
    const style = getComputedStyle(this.root);
    const ink = style.getPropertyValue("--st-text-color").trim() || "#222";
    const accent = style.getPropertyValue("--st-primary-color").trim() || "#44e";
    const paper = style.getPropertyValue("--st-background-color").trim() || "#fff";
    for (const panel of this.panels) this.paint(panel, ink, accent, paper);
  }

  paint({ layer, canvas, read, image }, ink, accent, paper) {
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
    if (!w || !h) return;
    if (canvas.width !== Math.round(w) || canvas.height !== Math.round(h)) {
      canvas.width = Math.round(w);
      canvas.height = Math.round(h);
    }
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, w, h);
    const [x0, x1, y0, y1] = this.view;
    const X = (x) => ((x - x0) / (x1 - x0)) * w;
    const Y = (y) => ((y1 - y) / (y1 - y0)) * h;
    const [bx0, bx1, by0, by1] = this.data.bins;
    const [columns, rows] = this.data.size;
    const step = (X(bx1) - X(bx0)) / columns;
    if (layer.filled <= DOTS) this.dots(context, layer, X, Y, Math.min(Math.max(step * 0.75, 1.9 * ratio), 5 * ratio));
    else {
      context.imageSmoothingEnabled = false;
      context.drawImage(image, X(bx0), Y(by1), X(bx1) - X(bx0), Y(by0) - Y(by1));
    }
    this.outlines(context, X, Y, ratio, ink, paper);
    const region = this.drag && this.tool !== "pan" ? this.drag.points : this.data.region;
    if (region && region.length > 1) {
      trace(context, region, X, Y);
      context.fillStyle = accent + "2b";
      context.strokeStyle = accent;
      context.lineWidth = 1.8 * ratio;
      context.fill();
      context.stroke();
    }
    this.cursor(context, layer, read, X, Y, ratio, ink, [columns, rows]);
  }

  dots(context, layer, X, Y, radius) {
    const [bx0, bx1, by0, by1] = this.data.bins;
    const [columns, rows] = this.data.size;
    for (let i = 0; i < layer.pixels.length; i++) {
      const colour = layer.table[layer.pixels[i]];
      if (!colour) continue;
      const x = X(bx0 + (((i % columns) + 0.5) / columns) * (bx1 - bx0));
      const y = Y(by1 - ((Math.floor(i / columns) + 0.5) / rows) * (by1 - by0));
      const shadow = layer.pixels[i] === SHADOW;
      context.fillStyle = `rgba(${colour.join()},${shadow ? 0.2 : 0.85})`;
      context.beginPath();
      context.arc(x, y, shadow ? 0.7 * radius : radius, 0, 6.2832);
      context.fill();
    }
  }

  outlines(context, X, Y, ratio, ink, paper) {
    // The chosen one, which alone has rings, is drawn last and so on top.
    const ordered = [...this.data.outlines].sort((a, b) => a.rings.length - b.rings.length);
    for (const { rings } of ordered) {
      context.lineJoin = "round";
      for (const ring of rings) {
        trace(context, rounded(rounded(ring)), X, Y);
        context.strokeStyle = paper;
        context.lineWidth = 4 * ratio;
        context.stroke();
        context.strokeStyle = ink;
        context.lineWidth = 1.6 * ratio;
        context.stroke();
      }
    }
    for (const { name, middle, rings } of ordered) {
      const [x, y, r] = [X(middle[0]), Y(middle[1]), (rings.length ? 10 : 8) * ratio];
      context.beginPath();
      context.arc(x, y, r, 0, 6.2832);
      context.fillStyle = rings.length ? ink : paper + "cc";
      context.strokeStyle = ink;
      context.lineWidth = 1.2 * ratio;
      context.fill();
      context.stroke();
      context.fillStyle = rings.length ? paper : ink;
      context.font = `600 ${(rings.length ? 11 : 10) * ratio}px sans-serif`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(name, x, y + 0.5 * ratio);
    }
  }

  cursor(context, layer, read, X, Y, ratio, ink, [columns, rows]) {
    read.textContent = "";
    if (!this.hover) return;
    const [x, y] = this.hover;
    const [bx0, bx1, by0, by1] = this.data.bins;
    const column = Math.floor(((x - bx0) / (bx1 - bx0)) * columns);
    const row = Math.floor(((by1 - y) / (by1 - by0)) * rows);
    // Dots are larger than their bin: look around the cursor too.
    for (const [dx, dy] of [[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1], [1, -1], [-1, 1]]) {
      const [c, r] = [column + dx, row + dy];
      if (c < 0 || r < 0 || c >= columns || r >= rows || read.textContent) continue;
      read.textContent = value(layer, layer.pixels[r * columns + c]);
    }
    context.strokeStyle = ink;
    context.globalAlpha = 0.6;
    context.lineWidth = ratio;
    context.beginPath();
    context.arc(X(x), Y(y), 6 * ratio, 0, 6.2832);
    context.stroke();
    context.globalAlpha = 1;
  }
}

// Cut every corner of a closed line (Chaikin 1974).
function rounded(points) {
  return points.flatMap(([x, y], i) => {
    const [u, v] = points[(i + 1) % points.length];
    return [[0.75 * x + 0.25 * u, 0.75 * y + 0.25 * v], [0.25 * x + 0.75 * u, 0.25 * y + 0.75 * v]];
  });
}

function trace(context, points, X, Y) {
  context.beginPath();
  points.forEach(([x, y], i) => (i ? context.lineTo(X(x), Y(y)) : context.moveTo(X(x), Y(y))));
  context.closePath();
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  root.maps ??= new Maps(root);
  root.maps.update(unpack(data), {
    view: (view) => setTriggerValue("view", view),
    region: (region) => setTriggerValue("region", region),
  });
}
