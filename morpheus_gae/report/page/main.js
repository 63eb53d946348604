// The page, in order; what the address says behind # (theme, incident, words) is shown.
const root = document.documentElement;
for (const kind of ['error', 'securitypolicyviolation']) {
  document.defaultView.addEventListener(kind, (e) => { root.dataset.failed = e.message || e.violatedDirective; });
  document.addEventListener(kind, (e) => { root.dataset.failed = e.message || e.violatedDirective || kind; });
}
const asked = new URLSearchParams(location.hash.slice(1));
const stored = () => { try { return localStorage.getItem('report-theme'); } catch { return null; } };

function theme(name, keep) {
  root.dataset.theme = name;
  themeButton.textContent = `Theme: ${name}`;
  if (keep) { try { localStorage.setItem('report-theme', name); } catch { /* a page without storage forgets */ } }
  if (graphBox) graphBox.draw();
}
const themeButton = h('button', { type: 'button', class: 'tool', onclick: () => {
  const names = ['auto', 'light', 'dark'];
  theme(names[(names.indexOf(root.dataset.theme) + 1) % names.length], true);
} });
const THEMES = ['auto', 'light', 'dark'];
document.title = data.title;
theme([asked.get('theme'), stored()].find((t) => THEMES.includes(t)) || 'auto');
document.getElementById('top').append(h('h1', null, data.title), h('nav', { 'aria-label': 'Sections' },
  [['timeline', 'Timeline'], ['incidents', 'Incidents'], ['alerts', 'Alerts'], ['hosts', 'Hosts'], ['scores', 'Scores'], ['detection', 'Detection'], ['quality', 'Data'], ['model', 'Model']]
    .map(([id, text]) => h('a', { href: `#${id}` }, text))),
themeButton, h('button', { type: 'button', class: 'tool', onclick: () => window.print() }, 'Print'));
document.getElementById('end').append(h('p', null, `Made ${moment(data.made)} UTC by morpheus-gae ${data.version}. Everything is in this file; nothing is fetched. It names hosts: treat it like the traffic.`));

summary();
timelineSection();
incidentsSection();
alertsSection();
state.words = searchBox.value = asked.get('words') || '';
const first = index.has(asked.get('incident')) ? asked.get('incident') : data.incidents.length ? data.incidents[0].id : null;
choose(first);
if (state.words) changed('filter');
drawCharts();
root.dataset.opened = Math.round(performance.now());
// what is further down, once the top is to be seen
setTimeout(() => {
  hostsSection();
  scoresSection();
  detectionSection();
  qualitySection();
  modelSection();
  drawCharts();
  const target = document.getElementById(location.hash.slice(1));
  if (target) target.scrollIntoView();
  root.dataset.ready = Math.round(performance.now());
});

new ResizeObserver(() => { if (!state.printing) { drawCharts(); graphBox.draw(); grids.forEach((g) => g.fit()); } }).observe(document.getElementById('main'));
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => graphBox.draw());
for (const [event, on] of [['beforeprint', true], ['afterprint', false]]) {
  window.addEventListener(event, () => {
    state.printing = on;
    // paper is light, and so is what is painted on it
    if (on) state.theme = root.dataset.theme;
    root.dataset.theme = on ? 'light' : state.theme;
    grids.forEach((g) => g.draw());
    drawCharts(true);
    graphBox.fit();
  });
}
