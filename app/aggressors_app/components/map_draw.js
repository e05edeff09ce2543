// Drawing on the canvases of the map component: bins, single samples, pictures, outlines.

const BINS_AS_DOTS = 9000; // up to so many filled bins are drawn as dots, more as pixels
const PICTURE = 46; // pixels a side
const NEAR = 9; // pixels around a dot in which it is meant

// Bins: dots where few are filled, else the picture of all.
function drawBins({ context, X, Y, ratio, data, layer, image }) {
  const [x0, x1, y0, y1] = data.bins;
  const [columns, rows] = data.size;
  if (layer.filled > BINS_AS_DOTS) {
    context.imageSmoothingEnabled = false;
    context.drawImage(image, X(x0), Y(y1), X(x1) - X(x0), Y(y0) - Y(y1));
    return;
  }
  const step = (X(x1) - X(x0)) / columns;
  const radius = Math.min(Math.max(step * 0.75, 1.9 * ratio), 5 * ratio);
  for (let i = 0; i < layer.pixels.length; i++) {
    const colour = layer.table[layer.pixels[i]];
    if (!colour) continue;
    const shadow = layer.pixels[i] === SHADOW;
    const x = X(x0 + (((i % columns) + 0.5) / columns) * (x1 - x0));
    const y = Y(y1 - ((Math.floor(i / columns) + 0.5) / rows) * (y1 - y0));
    context.fillStyle = `rgba(${colour.join()},${shadow ? 0.2 : 0.85})`;
    disc(context, x, y, shadow ? Math.min(0.7 * radius, 1.8 * ratio) : radius);
    context.fill();
  }
}

// Single samples, the first ones in front; pictures where they do not cover another.
function drawDots({ context, X, Y, ratio, data, layer, at, w, h, paper }, pictures) {
  const { x, y, codes } = data.dots;
  const radius = (x.length > 800 ? 2.6 : x.length > 200 ? 3.4 : 4.2) * ratio;
  const half = (PICTURE * ratio) / 2;
  const taken = [];
  for (let i = x.length - 1; i >= 0; i--) {
    const colour = layer.table[codes[at][i]] ?? rgb("#8d94a8");
    context.fillStyle = `rgba(${colour.join()},${codes[at][i] ? 0.9 : 0.35})`;
    context.strokeStyle = paper;
    context.lineWidth = 0.7 * ratio;
    disc(context, X(x[i]), Y(y[i]), radius);
    context.fill();
    context.stroke();
  }
  for (let i = 0; i < x.length; i++) {
    const picture = pictures.get(i);
    const [px, py] = [X(x[i]), Y(y[i])];
    if (!picture?.complete || !picture.naturalWidth) continue;
    if (px < -half || py < -half || px > w + half || py > h + half) continue;
    if (taken.some(([tx, ty]) => Math.abs(tx - px) < 2 * half + 3 * ratio && Math.abs(ty - py) < 2 * half + 3 * ratio)) continue;
    taken.push([px, py, i]);
    const colour = layer.table[codes[at][i]] ?? rgb("#8d94a8");
    context.imageSmoothingEnabled = picture.naturalWidth >= 40;
    context.drawImage(picture, px - half, py - half, 2 * half, 2 * half);
    context.strokeStyle = `rgb(${colour.join()})`;
    context.lineWidth = 2.4 * ratio;
    context.strokeRect(px - half, py - half, 2 * half, 2 * half);
  }
  return taken;
}

// The rings of the chosen aggressor, which alone has some, and the number of each in a circle.
// Returns the circles, in pixels, where they were drawn.
function drawOutlines({ context, X, Y, ratio, data, ink, paper, w, h }) {
  for (const { rings } of data.outlines) {
    context.lineJoin = "round";
    for (const ring of rings) {
      trace(context, rounded(rounded(ring)), X, Y);
      stroke(context, paper, 4 * ratio);
      stroke(context, ink, 1.6 * ratio);
    }
  }
  const marks = apart(
    data.outlines.map((one) => ({ ...one, at: [X(one.middle[0]), Y(one.middle[1])], r: (one.rings.length ? 10 : 8) * ratio })),
    2 * ratio,
    [w, h],
  );
  for (const { at, x, y } of marks) if (x !== at[0] || y !== at[1]) lead(context, at, [x, y], ratio, ink, paper);
  for (const { name, x, y, r, rings } of marks) {
    disc(context, x, y, r);
    context.fillStyle = rings.length ? ink : paper;
    context.fill();
    stroke(context, ink, 1.2 * ratio);
    context.fillStyle = rings.length ? paper : ink;
    context.font = `600 ${(rings.length ? 11 : 10) * ratio}px sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(name, x, y + 0.5 * ratio);
  }
  return marks;
}

// Place circles so that none covers another: the chosen one and then the first ranks at their
// middles, others as near as there is room; one that finds none is left out until one looks closer.
function apart(circles, gap, [w, h]) {
  const placed = [];
  const ordered = [...circles].sort((a, b) => b.rings.length - a.rings.length || Number(a.name) - Number(b.name));
  for (const one of ordered) {
    const [x, y] = one.at;
    const free = (px, py) => placed.every((other) => Math.hypot(px - other.x, py - other.y) >= one.r + other.r + gap);
    const seen = (px, py) => px >= one.r && py >= one.r && px <= w - one.r && py <= h - one.r;
    if (free(x, y)) placed.push({ ...one, x, y });
    else {
      const beside = around(x, y, one.r).find(([px, py]) => free(px, py) && seen(px, py));
      if (beside) placed.push({ ...one, x: beside[0], y: beside[1] });
    }
  }
  return placed.reverse();
}

// Places around one, the nearest first: two circles of twelve, from above on.
function around(x, y, r) {
  return [2.6, 5].flatMap((far) =>
    Array.from({ length: 12 }, (_, i) => {
      const angle = (i * Math.PI) / 6 - Math.PI / 2;
      return [x + far * r * Math.cos(angle), y + far * r * Math.sin(angle)];
    }),
  );
}

// A line from where an aggressor lies to its number beside.
function lead(context, from, to, ratio, ink, paper) {
  for (const [style, width] of [[paper, 3], [ink, 1.2]]) {
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    stroke(context, style, width * ratio);
  }
  disc(context, ...from, 2.2 * ratio);
  context.fillStyle = ink;
  context.fill();
}

function drawRegion({ context, X, Y, ratio, accent }, region) {
  if (!region || region.length < 2) return;
  trace(context, region, X, Y);
  context.fillStyle = accent + "2b";
  context.fill();
  stroke(context, accent, 1.8 * ratio);
}

// A ring around one place: the cursor, or the chosen sample.
function drawRing({ context, X, Y, ratio, ink, paper }, [x, y], radius, strong) {
  disc(context, X(x), Y(y), radius * ratio);
  if (strong) stroke(context, paper, 5 * ratio);
  context.globalAlpha = strong ? 1 : 0.6;
  stroke(context, ink, (strong ? 2.4 : 1) * ratio);
  context.globalAlpha = 1;
}

function disc(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 6.2832);
}

function stroke(context, style, width) {
  context.strokeStyle = style;
  context.lineWidth = width;
  context.stroke();
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
