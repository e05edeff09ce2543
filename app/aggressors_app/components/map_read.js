// What the map component is sent, unpacked, and the words and colours of its layers.
// Data: length of the header (uint32), header (JSON), then width * height bytes a layer, row by row
// from the top, then the samples of each bin. In a layer 0 is an empty bin, 1 to 254 a place on its
// colours, 255 a bin that only the filter empties, or that has no value.

const SHADOW = 255;

function unpack(bytes) {
  const raw = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  const length = new DataView(raw.buffer, raw.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(raw.subarray(4, 4 + length)));
  const cells = header.size[0] * header.size[1];
  header.layers.forEach((layer, i) => {
    const start = 4 + length + i * cells;
    layer.pixels = raw.subarray(start, start + cells);
    layer.table = colours(layer);
  });
  const start = 4 + length + header.layers.length * cells;
  const Kind = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[header.counted] ?? Uint32Array;
  header.counts = new Kind(raw.slice(start, start + cells * header.counted).buffer);
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

function short(number, unit) {
  const value = unit === "%" ? 100 * number : number;
  const size = Math.abs(value);
  const text = size >= 100 || (unit === "%" && size >= 10) ? value.toFixed(0) : value.toPrecision(3);
  return unit ? `${text} ${unit}` : text;
}

// What stands in a bin, in words; beyond the ends of the colours only that it is.
function reading(layer, byte, n) {
  const samples = `${n.toLocaleString("en")} ${n === 1 ? "sample" : "samples"}`;
  if (!n) return "";
  if (!byte || byte === SHADOW) return `${samples} · no value`;
  if (layer.log) return samples;
  if (layer.categories) return `${samples} · ${layer.categories[byte - 1] ?? ""}`;
  const [from, to] = layer.range;
  const sign = byte === 1 ? "≤ " : byte === 254 ? "≥ " : "";
  return `${samples} · ${sign}${short(from + ((byte - 1) / 253) * (to - from), layer.unit)}`;
}

function swatch(colour) {
  const box = element("i");
  box.style.background = colour;
  return box;
}

// Names with their colours, of which a click keeps one; or the colours of a number with its ends.
function legend(layer, pick) {
  const line = element("div", "legend quiet");
  if (layer.categories) {
    layer.categories.forEach((name, i) => {
      if (!name) return;
      const fixed = !layer.picked || name === "(other)";
      const entry = element(fixed ? "span" : "button", "entry");
      entry.append(swatch(layer.colors[i % layer.colors.length]), name);
      if (!fixed) {
        const held = layer.picked.includes(name);
        entry.setAttribute("aria-pressed", String(held));
        entry.title = held && layer.picked.length === 1 ? "Show the others again" : `Keep only ${layer.title} = ${name}`;
        entry.onclick = () => pick(layer.name, name);
      }
      line.append(entry);
    });
  } else if (layer.low || layer.high) {
    const ramp = element("span", "ramp");
    ramp.style.background = `linear-gradient(90deg, ${layer.colors.join(", ")})`;
    line.append(layer.low, ramp, layer.high);
  }
  return line;
}
