// What every component builds its elements with; mount.py puts it before each.

const SVG = "http://www.w3.org/2000/svg";

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.textContent = text;
  return made;
}

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}


// What a component was given; a record comes as the only one of a list, see mount.py.
const given = ({ data }) => (Array.isArray(data) ? data[0] : data);
