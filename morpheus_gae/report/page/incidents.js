// Timeline, incidents, what one of them is, and the alerts.
const index = new Map(data.incidents.map((one, i) => [one.id, i]));
const time = (text) => (text ? Date.parse(text) : NaN);
let alertGrid = null, incidentGrid = null, graphBox = null, searchBox = null;

// alerts between the hosts of an incident, on its services, in its time: as far as the record names them all
function alertsOf(one) {
  const named = (list, whole) => (list.length && list.length >= (whole || 0) ? new Set(list) : null);
  let src = named(one.sources, one.source_count), dst = named(one.targets, one.target_count);
  const services = named(one.services, one.service_count);
  if (!src && !dst) {
    // of many to many, those that are named
    src = new Set(one.sources);
    dst = new Set(one.targets);
  }
  const from = time(one.first_seen), to = time(one.last_seen);
  const either = !named(one.sources, one.source_count) && !named(one.targets, one.target_count);
  const known = alerts.n ? { src: alerts.hosts.map((x) => !src || src.has(x)), dst: alerts.hosts.map((x) => !dst || dst.has(x)),
    service: alerts.service.names.map((x) => !services || services.has(x)) } : null;
  const rows = [];
  for (let i = 0; i < alerts.n; i++) {
    if (alerts.timed && (alerts.start[i] < from || alerts.start[i] > to)) continue;
    const a = known.src[alerts.src[i]], b = known.dst[alerts.dst[i]];
    if ((either ? a || b : a && b) && known.service[alerts.service.at[i]]) rows.push(i);
  }
  return rows;
}

function timelineSection() {
  const { start, step, counts } = data.timeline;
  const box = section('timeline', 'Timeline');
  if (!counts.length) { box.append(h('p', { class: 'soft' }, 'The alerts have no times.')); return; }
  const low = start, high = start + step * counts.length;
  const clear = h('button', { type: 'button', class: 'tool', onclick: () => { state.from = state.to = null; changed('time'); } }, 'all times');
  const told = h('span', { class: 'soft' });
  box.firstChild.append(told, h('span', { class: 'grow' }), clear);
  const lanes = data.incidents.filter((one) => one.first_seen).slice(0, 14);
  const height = 150 + lanes.length * 17 + 16, bottom = 132;
  const bars = chart(height, `Alerts over time, and the ${lanes.length} most severe incidents`, (root, width) => {
    const left = 210, right = width - 22, top = 16;
    const x = linear(low, high, left, right);
    const most = Math.max(...counts.map((c) => c[0] + c[1] + c[2]));
    const y = (v) => bottom - Math.sqrt(v / most) * (bottom - top);
    const ys = [...new Set([Math.ceil(most / 16), Math.ceil(most / 4), most])].map((v) => [v, count(v)]);
    axes(root, { x, y, xs: timeTicks(low, high, width / 90), ys, left, right, top, bottom, yLabel: null });
    root.append(svg('text', { x: 0, y: top + 4, class: 'strong' }, `Alerts per ${span(step / 1000)}`),
      svg('text', { x: 0, y: top + 19 }, 'height: square root'));
    counts.forEach((c, i) => {
      const total = c[0] + c[1] + c[2];
      if (!total) return;
      let from = 0;
      const bar = svg('g', null, svg('title', null, `${when(low + i * step)}: ${plural(total, 'alert')} (${c[2]} high, ${c[1]} medium, ${c[0]} low)`));
      for (const s of [2, 1, 0]) {
        if (!c[s]) continue;
        const y0 = bottom - (from / total) * (bottom - y(total)), y1 = bottom - ((from + c[s]) / total) * (bottom - y(total));
        bar.append(svg('rect', { class: ALERT_SEVERITIES[s], x: x(low + i * step), y: y1, width: Math.max(1, x(low + step) - x(low) - 0.6), height: y0 - y1 }));
        from += c[s];
      }
      root.append(bar);
    });
    lanes.forEach((one, k) => {
      const y0 = 162 + k * 17, a = x(time(one.first_seen)), b = x(time(one.last_seen));
      const lane = svg('g', { class: `lane${state.incident === one.id ? ' chosen' : ''}`, tabindex: 0, role: 'button', 'aria-label': `${one.severity} ${one.summary}`,
        onclick: () => choose(one.id), onkeydown: (e) => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); choose(one.id); } } },
      svg('title', null, one.summary), svg('rect', { class: 'hit', x: 0, y: y0 - 8, width: right, height: 16 }),
      svg('rect', { class: one.severity, x: 0, y: y0 - 4, width: 8, height: 8, rx: 2 }),
      svg('text', { x: 14, y: y0 + 4 }, `${one.kind}, ${one.sources[0] || ''}`.slice(0, 34)),
      svg('line', { class: 'gridline', x1: left, x2: right, y1: y0, y2: y0 }),
      svg('rect', { class: one.severity, x: a, y: y0 - 5, width: Math.max(3, b - a), height: 10, rx: 2 }));
      root.append(lane);
    });
    if (state.from !== null) root.append(svg('rect', { class: 'brush', x: x(state.from), y: top, width: Math.max(1, x(state.to) - x(state.from)), height: bottom - top }));
    const hit = svg('rect', { class: 'hit', x: left, y: top, width: right - left, height: bottom - top, tabindex: 0, role: 'slider',
      'aria-label': 'Time of the alerts that are listed: left and right arrow move by one bar', 'aria-valuetext': state.from === null ? 'all' : `${when(state.from)} to ${when(state.to)}` });
    hit.style.pointerEvents = 'none';
    hit.addEventListener('keydown', (e) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
      if (e.key === 'Escape') state.from = state.to = null;
      else if (by) {
        const at = state.from === null ? (by > 0 ? low : high - step) : Math.max(low, Math.min(high - step, state.from + by * step));
        state.from = at; state.to = at + step;
      } else return;
      e.preventDefault();
      changed('time');
      root.ownerDocument.querySelector('#timeline [role="slider"]').focus();
    });
    root.append(hit);
    root.addEventListener('pointerdown', (e) => {
      const place = root.getBoundingClientRect(), at = (v) => low + ((Math.max(left, Math.min(right, ((v.clientX - place.left) * width) / place.width)) - left) / (right - left)) * (high - low);
      if (((e.clientY - place.top) * height) / place.height > bottom || e.clientX - place.left < left) return;
      const first = at(e);
      const move = (m) => {
        const second = at(m);
        state.from = low + Math.floor((Math.min(first, second) - low) / step) * step;
        state.to = low + Math.ceil((Math.max(first, second) + 1 - low) / step) * step;
      };
      move(e);
      window.addEventListener('pointermove', move);
      window.addEventListener('pointerup', () => { window.removeEventListener('pointermove', move); changed('time'); }, { once: true });
      e.preventDefault();
    });
  });
  box.append(bars, legend([['block sev-high', 'rarer than 1 in 10,000 benign flows'], ['block sev-medium', 'than 1 in 1,000'], ['block sev-low', 'others']]));
  listeners.push((what) => {
    if (what === 'time' || what === 'incident') redraw(bars);
    told.textContent = state.from === null ? 'drag over the bars to list the alerts of a time' : `${when(state.from)} to ${when(state.to)}`;
    clear.hidden = state.from === null;
  });
}

function choose(id) {
  state.incident = id;
  changed('incident');
}

function incidentsSection() {
  const rows = data.incidents;
  const order = { critical: 3, high: 2, medium: 1, low: 0 };
  const more = (list, n) => h('span', { class: 'many', title: list.join(', ') }, h('span', null, list[0] || '–'), n > 1 ? h('span', null, `+${count(n - 1)}`) : null);
  incidentGrid = grid({
    label: 'Incidents', height: 25 * 26, printed: 30, rows: () => rows.map((_, i) => i), sort: null,
    choose: (i) => choose(rows[i].id), chosen: (i) => rows[i].id === state.incident,
    columns: [
      { title: 'Severity', width: '76px', key: (i) => -order[rows[i].severity], cell: (i) => tag(rows[i].severity) },
      { title: 'Kind', width: 'minmax(80px, 1.1fr)', key: (i) => rows[i].kind, cell: (i) => rows[i].kind },
      { title: 'Source', width: 'minmax(80px, 1.2fr)', key: (i) => rows[i].sources[0] || '', cell: (i) => more(rows[i].sources, rows[i].source_count) },
      { title: 'Target', width: 'minmax(80px, 1.2fr)', key: (i) => rows[i].targets[0] || '', cell: (i) => more(rows[i].targets, rows[i].target_count) },
      { title: 'Flows', width: '46px', right: true, key: (i) => rows[i].flows || 0, cell: (i) => count(rows[i].flows) },
      { title: 'First seen', width: '84px', key: (i) => rows[i].first_seen || '', cell: (i) => moment(rows[i].first_seen).slice(5, 16) || '–' },
      { title: 'Surprise', width: '62px', right: true, told: 'nats, of all its flows together', key: (i) => rows[i].surprise_pooled || 0, cell: (i) => fixed(rows[i].surprise_pooled) },
    ],
  });
  graphBox = hostGraph();
  const detail = h('div', { class: 'detail', 'aria-live': 'polite' });
  const left = h('div', null, incidentGrid.box);
  const box = section('incidents', `Incidents`, h('div', { class: 'split' }, left, h('div', null, detail, h('h3', null, 'Hosts'), graphBox.box)));
  box.firstChild.append(h('span', { class: 'soft' }, data.incidents_total > rows.length
    ? `the ${count(rows.length)} most severe of ${count(data.incidents_total)}` : `${count(rows.length)}, the most severe first`));
  listeners.push((what) => {
    if (what !== 'incident') return;
    const i = index.get(state.incident);
    incidentGrid.draw();
    if (i === undefined) {
      detail.replaceChildren(h('p', { class: 'soft' }, rows.length ? 'Choose an incident.' : 'No incidents.'));
      graphBox.show(Array.from({ length: alerts.n }, (_, k) => k));
      return;
    }
    incidentGrid.move(i);
    const found = alertsOf(rows[i]);
    detail.replaceChildren(...about(rows[i], found));
    graphBox.show(found);
  });
}

function about(one, found) {
  const names = (list, n) => (list.length ? list.join(', ') + (n > list.length ? ` and ${count(n - list.length)} more` : '') : null);
  const safe = /^T\d{4}(\.\d{3})?$/.test(one.technique || '');
  const attack = one.technique ? [
    safe ? h('a', { href: `https://attack.mitre.org/techniques/${one.technique.replace('.', '/')}/`, rel: 'noreferrer noopener', target: '_blank' }, one.technique) : one.technique,
    ` ${one.technique_name || ''}${one.tactic_name ? `, ${one.tactic_name}` : ''}`] : null;
  const parts = [['pair', one.share_pair, 'who talks to whom'], ['flow', one.share_flow, 'bytes and duration'], ['others', one.share_graph, 'the other flows']];
  const whole = parts.reduce((sum, [, v]) => sum + (v || 0), 0);
  const bar = h('div', { class: 'parts', role: 'img', 'aria-label': parts.map(([, v, text]) => `${text} ${share(v || 0)}`).join(', ') },
    parts.map(([name, v]) => { const i = h('i', { class: name }); i.style.width = `${(100 * (v || 0)) / (whole || 1)}%`; return i; }));
  // without facts of its own: those of its strangest alert
  const top = found.reduce((best, i) => (best === null || alerts.surprise[i] > alerts.surprise[best] ? i : best), null);
  const said = one.facts.length || !alerts.facts || top === null ? one.facts : alerts.facts[top].map((fact) => `strangest flow: ${fact}`);
  return [
    h('p', { class: 'line' }, tag(one.severity), ' ', h('b', null, one.summary)),
    said.length ? h('ul', { class: 'said' }, said.map((fact) => h('li', null, fact))) : null,
    facts([
      ['ATT&CK', attack],
      ['Sources', names(one.sources, one.source_count)], ['Targets', names(one.targets, one.target_count)], ['Services', names(one.services, one.service_count)],
      ['Seen', one.first_seen ? `${moment(one.first_seen)} to ${moment(one.last_seen)} UTC (${span(one.seconds)})` : null],
      ['Flows', `${count(one.flows)}, ${octets(one.bytes_out)} out, ${octets(one.bytes_in)} in${one.period_seconds ? `, every ${span(one.period_seconds)}` : ''}`],
      ['False ones a day', one.false_a_day === null ? null : `${one.false_a_day < 1e-3 ? one.false_a_day.toExponential(1) : Number(one.false_a_day.toPrecision(2))} benign incidents as strange are expected`],
      ['Why', whole ? h('span', null, bar, parts.filter(([, v]) => v).map(([name, v, text]) => [h('i', { class: `key ${name}` }), `${text} ${share(v)}`])) : null],
      ['Id', h('code', null, one.id || '')], ['State', one.state && one.state !== 'closed' ? one.state : null],
      ['Alerts', h('button', { type: 'button', class: 'tool', onclick: () => { state.only = new Set(found); changed('filter'); document.getElementById('alerts').scrollIntoView(); } }, `list ${plural(found.length, 'alert')}`)],
    ]),
  ].filter((node) => node);
}

function filterAlerts(words) {
  state.words = words;
  state.only = null;
  searchBox.value = words;
  changed('filter');
}

// columns of numbers whose names begin so, as words; null without any
function numbers(prefix, i, text, before) {
  const known = Object.entries(alerts.numbers).filter(([name, values]) => name.startsWith(prefix) && values[i] !== null);
  return known.length ? before + known.map(([name, values]) => `${name.slice(prefix.length)} ${text(values[i])}`).join(', ') : null;
}

function alertsSection() {
  const lower = [];
  const text = (i) => {
    if (lower[i] === undefined) {
      lower[i] = [alerts.hosts[alerts.src[i]], alerts.hosts[alerts.dst[i]], alerts.service.names[alerts.service.at[i]], alerts.why.names[alerts.why.at[i]], alerts.id[i],
        ...Object.values(alerts.more).map((c) => c.names[c.at[i]])].join(' ').toLowerCase();
    }
    return lower[i];
  };
  const rows = () => {
    const words = state.words.toLowerCase().split(/\s+/).filter((w) => w);
    const out = [];
    for (let i = 0; i < alerts.n; i++) {
      if (state.only && !state.only.has(i)) continue;
      if (state.from !== null && alerts.timed && (alerts.start[i] < state.from || alerts.start[i] >= state.to)) continue;
      if (words.length) { const t = text(i); if (!words.every((w) => t.includes(w))) continue; }
      out.push(i);
    }
    return out;
  };
  let last = null;
  const one = h('div', { class: 'detail', 'aria-live': 'polite' });
  const columns = [
    { title: 'Surprise', width: '66px', right: true, told: 'nats', key: (i) => alerts.surprise[i], cell: (i) => fixed(alerts.surprise[i] / 100, 2) },
    { title: 'Severity', width: '76px', key: (i) => -alerts.severity[i], cell: (i) => tag(ALERT_SEVERITIES[alerts.severity[i]]) },
    { title: 'Start (UTC)', width: '146px', key: (i) => alerts.start[i], cell: (i) => (alerts.timed ? when(alerts.start[i]) : '–') },
    { title: 'Source', width: 'minmax(120px, 1.1fr)', key: (i) => alerts.hosts[alerts.src[i]], cell: (i) => alerts.hosts[alerts.src[i]] },
    { title: 'Target', width: 'minmax(120px, 1.1fr)', key: (i) => alerts.hosts[alerts.dst[i]], cell: (i) => alerts.hosts[alerts.dst[i]] },
    { title: 'Service', width: '80px', key: (i) => alerts.service.names[alerts.service.at[i]], cell: (i) => alerts.service.names[alerts.service.at[i]] },
    { title: 'Out', width: '72px', right: true, key: (i) => alerts.up[i], cell: (i) => octets(alerts.up[i]) },
    { title: 'In', width: '72px', right: true, key: (i) => alerts.down[i], cell: (i) => octets(alerts.down[i]) },
    { title: 'Lasted', width: '66px', right: true, key: (i) => alerts.duration[i], cell: (i) => (alerts.duration[i] < 0 ? '–' : span(alerts.duration[i] / 1000)) },
    { title: 'Why', width: 'minmax(160px, 2fr)', key: (i) => alerts.why.names[alerts.why.at[i]], cell: (i) => alerts.why.names[alerts.why.at[i]] },
    ...Object.entries(alerts.more || {}).slice(0, 1).map(([name, c]) => ({ title: name.slice(0, 24), width: '120px', key: (i) => c.names[c.at[i]], cell: (i) => c.names[c.at[i]] })),
  ];
  const told = h('span', { class: 'soft', role: 'status' });
  searchBox = h('input', { type: 'search', placeholder: 'address, service, reason …', 'aria-label': 'Filter alerts', oninput: () => { state.words = searchBox.value; changed('filter'); } });
  const clear = h('button', { type: 'button', class: 'tool', onclick: () => { state.from = state.to = null; filterAlerts(''); changed('time'); } }, 'all alerts');
  alertGrid = grid({ label: 'Alerts', height: 25 * 15, printed: 25, rows: alerts.n ? rows : () => [], columns, sort: { column: 0, down: true },
    chosen: (i) => i === last,
    choose: (i) => {
      last = i;
      const f = (v) => `${fixed(v / 100, 2)} nats`;
      one.replaceChildren(h('h3', null, 'This alert'), alerts.facts && alerts.facts[i].length ? h('ul', { class: 'said' }, alerts.facts[i].map((x) => h('li', null, x))) : '', facts([
        ['Flow', `${alerts.hosts[alerts.src[i]]} → ${alerts.hosts[alerts.dst[i]]}, ${alerts.service.names[alerts.service.at[i]]}`],
        ['Why', alerts.why.names[alerts.why.at[i]]],
        ['Surprise', numbers('contribution_', i, (v) => `${fixed(v, 2)} nats`, `${f(alerts.surprise[i])}: `)
          || `${f(alerts.surprise[i])}: pair ${f(alerts.pair[i])}, flow ${f(alerts.flow[i])}, other flows ${f(alerts.graph[i])}`],
        ['Percentile', numbers('percentile_', i, (v) => `${Number(v.toFixed(3))} %`, 'as a flow of ')],
        ...Object.entries(alerts.more).map(([name, c]) => [name.slice(0, 40), c.names[c.at[i]]]),
        ['Id', h('code', null, alerts.id[i])],
      ]));
    } });
  const box = section('alerts', 'Alerts', alertGrid.box, one);
  box.firstChild.append(told, h('span', { class: 'grow' }), searchBox, clear);
  listeners.push((what) => {
    if (what === 'filter' || what === 'time') alertGrid.refresh();
    const n = alertGrid.length(), all = data.alerts_total;
    told.textContent = (n === alerts.n ? plural(n, 'alert') : `${count(n)} of ${plural(alerts.n, 'alert')}`) + (alerts.n < all ? `, the strangest of ${count(all)}` : '');
    clear.hidden = n === alerts.n;
  });
}
