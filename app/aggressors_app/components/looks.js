// Small multiples of attention on one scale, their difference, and the numbers of each below it.

// A colour between the stops of a ramp, which are [r, g, b] at even steps of [0, 1].
function between(stops, v) {
  const at = Math.min(1, Math.max(0, v)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  return stops[low].map((part, i) => part + (at - low) * (stops[low + 1][i] - part));
}

// The theme's colours as numbers: the browser knows every way to write one.
function themed(root) {
  const pen = element("canvas").getContext("2d", { willReadFrequently: true });
  const style = getComputedStyle(root);
  const read = (name) => {
    pen.fillStyle = style.getPropertyValue(name).trim();
    pen.fillRect(0, 0, 1, 1);
    return Array.from(pen.getImageData(0, 0, 1, 1).data.slice(0, 3));
  };
  const [even, ours, ink] = ["--st-secondary-background-color", "--st-primary-color", "--st-text-color"].map(read);
  const [less, more] = ["--st-blue-color", "--st-orange-color"].map(read);
  const deep = between([ours, ink], 0.55);
  return { maps: [even, between([even, ours], 0.45), ours, deep], difference: [less, even, more] };
}

function drawn(panel, stops) {
  const box = element("div", "map");
  const canvas = element("canvas");
  canvas.width = panel.width;
  canvas.height = panel.height;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${panel.title}, ${panel.sub}`);
  box.style.aspectRatio = `${panel.width} / ${panel.height}`;
  const bytes = atob(panel.pixels);
  const image = new ImageData(panel.width, panel.height);
  for (let i = 0; i < panel.width * panel.height; i++) {
    const color = between(stops, (bytes.charCodeAt(i) || 0) / (panel.difference ? 254 : 255));
    image.data.set([...color, 255], 4 * i);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  box.append(canvas);
  return box;
}

function scale(title, ends, stops) {
  const box = element("div");
  box.append(element("span", "quiet", title));
  const bar = element("div", "bar");
  bar.style.background = `linear-gradient(90deg, ${stops.map((color) => `rgb(${color.map(Math.round).join(" ")})`)})`;
  const line = element("div", "ends");
  line.append(...ends.map((text) => element("span", "quiet", text)));
  box.append(bar, line);
  return box;
}

export default function (component) {
  const { parentElement } = component;
  const data = given(component);
  const root = parentElement.querySelector(".root");
  const stops = themed(root);
  const figure = element("div", "figure");
  figure.style.setProperty("--panels", data.panels.length);
  const beside = (panel, name) => (panel.apart ? `${name} apart` : name);

  figure.append(element("div", "lead"));
  for (const panel of data.panels) {
    const head = element("div", beside(panel, "head"));
    head.append(element("b", "", panel.title), element("span", "quiet", panel.sub));
    figure.append(head);
  }
  const scales = element("div", "lead scales picture");
  for (const { title, ends, kind } of data.scales) scales.append(scale(title, ends, stops[kind]));
  figure.append(scales);
  for (const panel of data.panels) {
    const place = element("div", beside(panel, "picture"));
    place.append(drawn(panel, stops[panel.difference ? "difference" : "maps"]));
    figure.append(place);
  }
  data.rows.forEach((row) => {
    const name = element("div", "lead name");
    const word = element("span", "", row.name);
    word.title = row.help;
    name.append(word);
    figure.append(name);
    row.cells.forEach((cell, j) => {
      const box = element("div", beside(data.panels[j], "cell"));
      box.append(element("div", cell.clear ? "clear" : "", cell.text));
      if (cell.sub) box.append(element("div", "small quiet", cell.sub));
      box.title = cell.help;
      figure.append(box);
    });
  });
  root.replaceChildren(figure);
}
