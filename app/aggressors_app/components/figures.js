// A few large figures, each with its change and how it went over the runs.

function line(points) {
  const svg = shape("svg", { viewBox: "0 0 100 40", preserveAspectRatio: "none", "aria-hidden": "true" });
  const [low, high] = [Math.min(...points), Math.max(...points)];
  const x = (i) => (100 * i) / (points.length - 1);
  const y = (v) => (high > low ? 37 - (34 * (v - low)) / (high - low) : 20);
  const path = points.map((v, i) => `${x(i)},${y(v)}`).join(" ");
  const stroke = "fill:none;stroke:var(--st-gray-color);stroke-width:1.6;vector-effect:non-scaling-stroke";
  svg.append(shape("polyline", { points: path, style: stroke }));
  // A line of no length with round ends stays a dot however the picture is stretched.
  const [u, v] = [100, y(points.at(-1))];
  const dot = "stroke:var(--st-primary-color);stroke-width:6;stroke-linecap:round;vector-effect:non-scaling-stroke";
  svg.append(shape("line", { x1: u, y1: v, x2: u, y2: v, style: dot }));
  return svg;
}

export default function (component) {
  const { parentElement } = component;
  const data = given(component);
  const list = element("dl", "figures");
  for (const figure of data.figures) {
    const box = element("div", "figure");
    if (figure.help) box.title = figure.help;
    box.append(element("dt", figure.help ? "quiet helped" : "quiet", figure.name), element("dd", "value", figure.value));
    if (figure.delta || figure.note) {
      const change = element("dd", "change");
      if (figure.delta) {
        const delta = element("span", "delta", figure.delta);
        delta.style.setProperty("--tone", `var(--st-${figure.color}-text-color)`);
        change.append(delta);
      }
      if (figure.note) change.append(element("span", "note quiet", figure.note));
      box.append(change);
    }
    if (figure.history.length > 1) box.append(line(figure.history));
    list.append(box);
  }
  parentElement.querySelector(".root").replaceChildren(list);
}
