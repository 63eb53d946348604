// Charts as SVG, drawn as wide as their place; colours are classes, so that themes and print apply.
const charts = [];

function chart(height, label, draw) {
  const box = h('div', { class: 'chart' });
  const again = (place) => {
    // paper has a width of its own: A4, lying, at 96 dots an inch
    const width = state.printing ? (box.closest('.two') ? 500 : 1030) : Math.max(280, place || 600);
    const root = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label });
    draw(root, width, height);
    box.replaceChildren(root);
  };
  charts.push({ box, again, width: -1 });
  return box;
}
function drawCharts(force) {
  // all widths before anything is written: else each chart would lay out the whole page
  const widths = charts.map((one) => one.box.clientWidth);
  charts.forEach((one, i) => {
    if (force || one.width !== widths[i]) one.again(one.width = widths[i]);
  });
}
// one of them again, once it is there
function redraw(box) {
  const one = charts.find((c) => c.box === box);
  if (one.width >= 0) one.again(one.width);
}
const linear = (low, high, from, to) => (v) => from + ((v - low) / (high - low || 1)) * (to - from);
const logarithmic = (low, high, from, to) => {
  const scale = linear(Math.log10(low), Math.log10(high), from, to);
  return (v) => scale(Math.log10(Math.max(v, low)));
};
function ticks(low, high, about) {
  const raw = (high - low) / about || 1;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * size).find((s) => s >= raw);
  const out = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) out.push(Number(v.toPrecision(12)));
  return out;
}
const TIME_STEPS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000, 31536000];
function timeTicks(low, high, about) {
  const raw = (high - low) / 1000 / about;
  const step = 1000 * (TIME_STEPS.find((s) => s >= raw) || TIME_STEPS[TIME_STEPS.length - 1]);
  const out = [];
  for (let v = Math.ceil(low / step) * step; v <= high; v += step) {
    const text = when(v);
    out.push([v, step >= 86400000 ? text.slice(0, 10) : text.endsWith(' 00:00:00') ? text.slice(5, 10) : text.slice(11, step < 60000 ? 19 : 16)]);
  }
  return out;
}
function axes(root, { x, y, xs, ys, left, right, top, bottom, xLabel, yLabel }) {
  for (const [v, text] of ys) {
    root.append(svg('line', { class: 'gridline', x1: left, x2: right, y1: y(v), y2: y(v) }),
      svg('text', { x: left - 6, y: y(v) + 4, 'text-anchor': 'end' }, text));
  }
  for (const [v, text] of xs) {
    root.append(svg('line', { class: 'axis', x1: x(v), x2: x(v), y1: bottom, y2: bottom + 4 }),
      svg('text', { x: x(v), y: bottom + 16, 'text-anchor': 'middle' }, text));
  }
  root.append(svg('line', { class: 'axis', x1: left, x2: right, y1: bottom, y2: bottom }));
  if (xLabel) root.append(svg('text', { x: right, y: bottom + 29, 'text-anchor': 'end' }, xLabel));
  if (yLabel) root.append(svg('text', { x: left, y: top - 6 }, yLabel));
}
const line = (root, xs, ys, x, y, cls) => root.append(svg('path', { class: `curve ${cls}`,
  d: xs.map((v, i) => `${i ? 'L' : 'M'}${x(v).toFixed(1)},${y(ys[i]).toFixed(1)}`).join('') }));
// entries: class of the swatch, words
const legend = (entries) => h('p', { class: 'legend' }, entries.map(([cls, text]) => [h('span', { class: `swatch ${cls}` }), text]));
