// The picture of a chart that is on the page, as a file: nothing is sent anywhere.
// Data: figure (key of the container that holds the chart), stem, title, note.

const SCALE = 2; // pixels of a PNG per point, so that it stays sharp in print
const PAD = 16;
const PATIENCE = 10_000; // milliseconds until a chart is given up

// The chart as it is painted: an SVG in the page, or canvases inside the shadow of a component.
function painted(figure) {
  const box = document.querySelector(`.st-key-${CSS.escape(figure)}`);
  if (!box) return { canvases: [] };
  const svg = box.querySelector("svg.marks");
  const hosts = [...box.querySelectorAll("*")].filter((one) => one.shadowRoot);
  const canvases = hosts.flatMap((one) => [...one.shadowRoot.querySelectorAll("canvas")]);
  return { svg, canvases: [...box.querySelectorAll("canvas.marks"), ...canvases] };
}

// The chart in this format as soon as it is painted, which a loaded machine may do after its menu.
async function drawn({ figure }, format) {
  for (const late = performance.now() + PATIENCE; performance.now() < late;) {
    const there = painted(figure);
    if (there.svg || (format === "png" && there.canvases.length)) return there;
    await new Promise(requestAnimationFrame);
  }
  throw new Error("The chart is not on the page yet; try again.");
}

// The page's own font as data, so that the file looks the same anywhere.
async function font(family) {
  const plain = (name) => name.replaceAll(/["']/g, "").trim();
  for (const sheet of document.styleSheets) {
    let rules = [];
    try { rules = [...sheet.cssRules]; } catch { continue; }
    for (const rule of rules) {
      if (!(rule instanceof CSSFontFaceRule)) continue;
      if (plain(rule.style.getPropertyValue("font-family")) !== family) continue;
      if (rule.style.getPropertyValue("font-style") === "italic") continue;
      const address = /url\(["']?([^"')]+)["']?\)/.exec(rule.style.getPropertyValue("src"))?.[1];
      if (!address) continue;
      const answer = await fetch(new URL(address, sheet.href ?? document.baseURI));
      if (!answer.ok) continue;
      const bytes = new Uint8Array(await answer.arrayBuffer());
      let text = "";
      for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
      const weight = rule.style.getPropertyValue("font-weight") || "normal";
      return `@font-face{font-family:"${family}";font-weight:${weight};` +
        `src:url(data:font/woff2;base64,${btoa(text)}) format("woff2")}`;
    }
  }
  return "";
}

function heading(svg, data, look, family) {
  const lines = [[data.title, 15, 600, 1], [data.note, 11, 400, 0.7]].filter(([text]) => text);
  let y = PAD;
  for (const [text, size, weight, opacity] of lines) {
    y += size + 3;
    const line = shape("text", { x: PAD, y, fill: look.color, "font-size": size, "font-weight": weight, opacity, "font-family": `"${family}", sans-serif` });
    line.textContent = text;
    svg.append(line);
  }
  return lines.length ? y + 10 : PAD;
}

async function drawing(svg, data, look) {
  const family = look.fontFamily.split(",")[0].replaceAll(/["']/g, "").trim();
  const inner = svg.cloneNode(true);
  const box = svg.getBoundingClientRect();
  const outer = shape("svg", { xmlns: SVG });
  const style = shape("style", {});
  style.textContent = await font(family).catch(() => "");
  const paper = shape("rect", { fill: look.backgroundColor });
  outer.append(style, paper);
  const top = heading(outer, data, look, family);
  const [width, height] = [Math.ceil(box.width + 2 * PAD), Math.ceil(top + box.height + PAD)];
  for (const one of [outer, paper]) { one.setAttribute("width", width); one.setAttribute("height", height); }
  outer.setAttribute("viewBox", `0 0 ${width} ${height}`);
  for (const [name, value] of Object.entries({ x: PAD, y: top, width: box.width, height: box.height })) inner.setAttribute(name, value);
  inner.removeAttribute("style");
  // References carry the address of the page, which means nothing elsewhere and is nobody's business.
  for (const one of inner.querySelectorAll("*")) {
    for (const { name, value } of [...one.attributes]) {
      if (value.startsWith("url(")) one.setAttribute(name, value.replace(/url\(["']?[^#)]*#/, "url(#").replace(/["']\)$/, ")"));
    }
  }
  outer.append(inner);
  return { width, height, text: new XMLSerializer().serializeToString(outer) };
}

function picture(address) {
  return new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => failed(new Error("The picture cannot be drawn."));
    image.src = address;
  });
}

function paper(width, height, look) {
  const canvas = element("canvas");
  [canvas.width, canvas.height] = [Math.round(width), Math.round(height)];
  const pen = canvas.getContext("2d");
  pen.fillStyle = look.backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  return { canvas, pen };
}

async function raster(svg, data, look) {
  const { width, height, text } = await drawing(svg, data, look);
  const address = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  try {
    const image = await picture(address);
    const { canvas, pen } = paper(SCALE * width, SCALE * height, look);
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas;
  } finally {
    URL.revokeObjectURL(address);
  }
}

const LINE = 20; // of a legend, in pixels

// What the colours of a canvas mean, within `width`; returns how far down it reaches.
function legend(pen, { colors, names, ramp }, x, y, width) {
  if (ramp) {
    const [low, high] = names;
    const left = x + pen.measureText(low).width + 8;
    const shades = pen.createLinearGradient(left, 0, left + 130, 0);
    colors.forEach((color, i) => shades.addColorStop(i / Math.max(colors.length - 1, 1), color));
    pen.fillText(low, x, y + 10);
    pen.fillText(high, left + 138, y + 10);
    const ink = pen.fillStyle;
    pen.fillStyle = shades;
    pen.fillRect(left, y, 130, 10);
    pen.fillStyle = ink;
    return y + LINE;
  }
  let at = x;
  names.forEach((name, i) => {
    const needed = pen.measureText(name).width + 30;
    if (at > x && at + needed > x + width) [at, y] = [x, y + LINE];
    const ink = pen.fillStyle;
    pen.fillStyle = colors[i % colors.length];
    pen.fillRect(at, y, 10, 10);
    pen.fillStyle = ink;
    pen.fillText(name, at + 15, y + 10);
    at += needed;
  });
  return y + LINE;
}

// Canvases side by side, as large as their own pixels, each above its legend.
function beside(canvases, data, look) {
  const wide = canvases.reduce((sum, one) => sum + one.width + PAD, PAD);
  const [top, tall] = [4 * PAD, Math.max(...canvases.map((one) => one.height))];
  // Drawn twice: first to learn how much room the legends need.
  const probe = paper(1, 1, look).pen;
  probe.font = `12px ${look.fontFamily}`;
  const reach = data.legends.map((one, i) => legend(probe, one, 0, 0, canvases[i]?.width ?? wide));
  const { canvas, pen } = paper(wide, top + tall + 2 * PAD + Math.max(0, ...reach), look);
  pen.fillStyle = look.color;
  pen.font = `600 16px ${look.fontFamily}`;
  pen.fillText(data.title, PAD, 1.7 * PAD, wide - 2 * PAD);
  pen.font = `12px ${look.fontFamily}`;
  pen.fillText(data.note, PAD, 3 * PAD, wide - 2 * PAD);
  let x = PAD;
  canvases.forEach((one, i) => {
    pen.drawImage(one, x, top);
    if (data.legends[i]) legend(pen, data.legends[i], x, top + tall + PAD, one.width);
    x += one.width + PAD;
  });
  return canvas;
}

function save(blob, name) {
  const link = element("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export default function (component) {
  const { parentElement } = component;
  const data = given(component);
  const root = parentElement.querySelector(".root");
  const note = element("div", "quiet small");
  note.setAttribute("role", "status");
  const look = () => {
    const found = getComputedStyle(root);
    const shade = getComputedStyle(document.querySelector("[data-testid=stApp]") ?? document.body);
    return { color: found.color, fontFamily: found.fontFamily, backgroundColor: shade.backgroundColor };
  };
  const make = {
    svg: async ({ svg }) => new Blob([(await drawing(svg, data, look())).text], { type: "image/svg+xml" }),
    png: async ({ svg, canvases }) => {
      const canvas = svg ? await raster(svg, data, look()) : beside(canvases, data, look());
      return new Promise((done) => canvas.toBlob(done, "image/png"));
    },
  };
  const buttons = data.formats.map((format) => {
    const button = element("button", "", `Picture (${format.toUpperCase()})`);
    button.onclick = async () => {
      note.textContent = "Drawing …";
      button.disabled = true;
      try {
        save(await make[format](await drawn(data, format)), `${data.stem}.${format}`);
        note.textContent = "";
      } catch (error) {
        note.textContent = error.message;
      } finally {
        button.disabled = false;
      }
    };
    return button;
  });
  root.replaceChildren(...buttons, note);
}
