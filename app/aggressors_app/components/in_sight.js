// A container of the page that stays in sight: it scrolls by itself where it is higher than the
// window, and the page scrolls to it when it shows something else.
// Data: box (key of the container), shows (what it shows), leads (whether the page scrolls to it).

const EDGE = 12; // pixels above and below
const LOW = 0.5; // share of the window below which something that opens is not noticed

export default function (component) {
  const { parentElement } = component;
  const data = given(component);
  const root = parentElement.querySelector(".root");
  const box = document.querySelector(`.st-key-${CSS.escape(data.box)}`)?.parentElement;
  if (!box) return;
  Object.assign(box.style, {
    position: "sticky", top: `${EDGE}px`, maxHeight: `calc(100dvh - ${2 * EDGE}px)`,
    overflow: "hidden auto", scrollMarginTop: `${EDGE}px`, scrollbarWidth: "thin",
  });
  if (root.shows === data.shows) return;
  root.shows = data.shows;
  box.scrollTop = 0;
  if (!data.leads) return;
  const { top } = box.getBoundingClientRect();
  if (top >= 0 && top <= LOW * window.innerHeight) return;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  box.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
}
