// What all parts use. Text of the report goes into the page as text nodes and attributes alone.
const data = JSON.parse(document.getElementById('data').textContent);
const SEVERITIES = ['critical', 'high', 'medium', 'low'];
const ALERT_SEVERITIES = ['low', 'medium', 'high'];
const state = { incident: null, words: '', from: null, to: null, printing: false };
const listeners = [];
const changed = (what) => listeners.forEach((listener) => listener(what));

// characters that act where they are shown are written out, as on a terminal
const ACTS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/g;
const shown = (text) => String(text).replace(ACTS, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, shown(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined) continue;
    node.append(child instanceof Node ? child : document.createTextNode(shown(child)));
  }
  return node;
}
const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

const count = (n) => (n === null || n === undefined ? '–' : Math.round(n).toLocaleString('en-US'));
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? '' : 's'}`;
const fixed = (n, digits = 1) => (n === null || n === undefined ? '–' : n.toFixed(digits));
function share(x) {
  if (x === null || x === undefined) return '–';
  const percent = 100 * x;
  return percent === 0 ? '0 %' : percent < 0.001 ? '<0.001 %' : `${Number(percent.toPrecision(percent >= 10 ? 3 : 2))} %`;
}
function octets(n) {
  if (n === null || n === undefined) return '–';
  for (const [unit, size] of [['TB', 1e12], ['GB', 1e9], ['MB', 1e6], ['kB', 1e3]]) {
    if (n >= size) return `${(n / size).toPrecision(3)} ${unit}`;
  }
  return `${n} B`;
}
function span(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  for (const [unit, size] of [['d', 86400], ['h', 3600], ['min', 60]]) {
    if (seconds >= 2 * size) return `${Number((seconds / size).toPrecision(3))} ${unit}`;
  }
  return `${Number(seconds.toPrecision(3))} s`;
}
function when(ms, digits = 19) {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? '–' : date.toISOString().slice(0, digits).replace('T', ' ');
}
const moment = (text) => (text ? text.slice(0, 19).replace('T', ' ') : '–');
const tag = (severity) => h('span', { class: `tag sev-${severity}` }, severity);
const facts = (pairs) =>
  h('dl', { class: 'facts' }, pairs.filter(([, v]) => v !== null && v !== undefined && v !== '')
    .map(([k, v]) => [h('dt', null, k), h('dd', null, v)]));
function section(id, title, ...children) {
  const heading = h('h2', { id: `${id}-title` }, title);
  const box = h('section', { id, 'aria-labelledby': `${id}-title` }, h('div', { class: 'head' }, heading));
  box.append(...children.flat().filter((c) => c));
  document.getElementById('main').append(box);
  return box;
}
const PRIVATE = /^(10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|f[cd]|fe80:|::1$)/;
const inside = (host) => PRIVATE.test(host);

// the alerts as rows: columns of the data, and starts as running sums
const alerts = (() => {
  const a = data.alerts;
  let at = 0;
  const start = new Float64Array(a.n);
  for (let i = 0; i < a.n; i++) start[i] = at += a.start[i];
  return { ...a, start };
})();
