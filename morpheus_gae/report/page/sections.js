// Everything below the alerts, and what stands on top.
function summary() {
  const flagged = data.scored ? share(data.scored.flagged / data.scored.flows) : null;
  const tile = (value, text, cls) => h('div', { class: `tile ${cls || ''}`, title: value }, h('b', null, value), h('span', null, text));
  document.getElementById('main').append(h('div', { class: 'tiles', role: 'group', 'aria-label': 'Summary' },
    SEVERITIES.map((s) => tile(count(data.severities[s]), `${s} incidents`, `sev sev-${s}`)),
    tile(count(data.alerts_total), 'alerts'), tile(count(data.hosts_total), 'hosts in them'),
    flagged ? tile(flagged, `of ${count(data.scored.flows)} flows`) : null,
    tile(data.first ? `${moment(data.first).slice(5, 16)} – ${moment(data.last).slice(5, 16)}` : 'no times', data.first ? `first to last alert, UTC, ${data.first.slice(0, 4)}` : 'first to last alert', 'wide'),
    tile(data.alerts_model || '–', 'model of the alerts', 'wide')));
}

function hostsSection() {
  const table = (role, title, peer) => {
    const rows = data.hosts[role];
    const made = grid({ label: title, height: 25 * 10, printed: 12, rows: () => rows.map((_, i) => i), sort: null,
      choose: (i) => { filterAlerts(rows[i].host); document.getElementById('alerts').scrollIntoView(); },
      columns: [
        { title: 'Host', width: 'minmax(120px, 2fr)', key: (i) => rows[i].host, cell: (i) => rows[i].host },
        { title: 'Alerts', width: '58px', right: true, key: (i) => rows[i].alerts, cell: (i) => count(rows[i].alerts) },
        { title: peer, width: '62px', right: true, key: (i) => rows[i].peers, cell: (i) => count(rows[i].peers) },
        { title: 'Out', width: '68px', right: true, key: (i) => rows[i].up, cell: (i) => octets(rows[i].up) },
        { title: 'In', width: '68px', right: true, key: (i) => rows[i].down, cell: (i) => octets(rows[i].down) },
        { title: 'Most', width: '48px', right: true, told: 'largest surprise, nats', key: (i) => rows[i].surprise, cell: (i) => fixed(rows[i].surprise) },
        { title: 'Last seen', width: '104px', key: (i) => rows[i].last || '', cell: (i) => moment(rows[i].last).slice(5) },
      ] });
    return h('div', null, h('h3', null, title), made.box);
  };
  section('hosts', 'Top hosts', h('div', { class: 'two' }, table('sources', 'Sources', 'Targets'), table('targets', 'Targets', 'Sources')));
}

function scoresSection() {
  const box = section('scores', 'Scores and drift');
  const { scored, model } = data;
  if (!scored && !model) {
    box.append(h('p', { class: 'soft' }, 'Needs the model and the flows: give --model and --flows.'));
    return;
  }
  const parts = [];
  const sets = [];
  if (model) sets.push(['c1 dash', 's1', 'benign training flows', model.quantiles]);
  if (scored) sets.push(['c0', 's0', 'these flows', scored.distribution]);
  const limit = scored ? scored.threshold : data.threshold;
  const high = Math.max(...sets.map(([, , , s]) => Math.max(...s.surprise)), 12);
  parts.push(h('div', null, h('h3', null, 'Share of flows at least as strange'), chart(250, 'Share of flows by surprise, training against these', (root, width, height) => {
    const left = 58, right = width - 22, top = 14, bottom = height - 38;
    const x = linear(0, high, left, right), least = scored ? Math.max(1e-7, 0.5 / scored.flows) : 1e-6, y = logarithmic(least, 1, bottom, top);
    const ys = [];
    for (let e = 0; 10 ** e >= least; e--) ys.push([10 ** e, e === 0 ? '100 %' : `${Number((100 * 10 ** e).toPrecision(1))} %`]);
    axes(root, { x, y, xs: ticks(0, high, width / 90).map((v) => [v, v]), ys, left, right, top, bottom, xLabel: 'surprise, nats' });
    for (const [cls, , , s] of sets) line(root, s.surprise, s.share, x, y, cls);
    if (limit !== null) root.append(svg('line', { class: 'limit', x1: x(limit), x2: x(limit), y1: top, y2: bottom }), svg('text', { x: x(limit) + 4, y: top + 8 }, `threshold ${fixed(limit, 2)}`));
  }), legend([...sets.map(([, s, text]) => [s, text]), ['sl', 'threshold']]),
  scored ? h('p', { class: 'soft' }, `Flagged: ${count(scored.flagged)} of ${count(scored.flows)} flows, ${share(scored.flagged / scored.flows)}; ${share(Math.exp(-scored.threshold))} expected of traffic like the training's.`) : null));
  if (scored) parts.push(h('div', null, ...driftCharts(scored)));
  box.append(h('div', { class: 'two' }, parts));
  if (!scored) box.append(h('p', { class: 'soft' }, 'How these flows compare, and drift, need the flows: give --flows.'));
}

function driftCharts(scored) {
  const { start, step, flows, flagged, median, high, timed } = scored.drift;
  const low = start[0], end = start[start.length - 1] + step;
  const xs = (width) => (timed ? timeTicks(low, end, width / 90) : ticks(low / 1000, end / 1000, 6).map((v) => [v * 1000, count(v)]));
  const middle = start.map((s) => s + step / 2);
  const about = timed ? `per ${span(step / 1000)}` : `per ${count(step / 1000)} flows`;
  const rate = chart(118, 'Share of flows flagged over time', (root, width, height) => {
    const left = 58, right = width - 22, top = 10, bottom = height - 22, shares = flows.map((n, i) => flagged[i] / n);
    const x = linear(low, end, left, right), most = Math.max(...shares, 1e-6), y = (v) => bottom - Math.sqrt(v / most) * (bottom - top);
    axes(root, { x, y, xs: xs(width), ys: [[most / 16, share(most / 16)], [most / 4, share(most / 4)], [most, share(most)]], left, right, top, bottom });
    shares.forEach((v, i) => {
      if (v) root.append(svg('rect', { class: 'bar-flow', x: x(start[i]), y: y(v), width: Math.max(1, x(low + step) - x(low) - 0.5), height: bottom - y(v) },
        svg('title', null, `${timed ? when(start[i]) : count(start[i] / 1000)}: ${count(flagged[i])} of ${count(flows[i])} flows, ${share(v)}`)));
    });
    const expected = Math.exp(-scored.threshold);
    if (expected < most) root.append(svg('line', { class: 'limit', x1: left, x2: right, y1: y(expected), y2: y(expected) }));
  });
  const levels = chart(132, 'Surprise of flows over time: median, and 99 of 100', (root, width, height) => {
    const left = 58, right = width - 22, top = 10, bottom = height - 22;
    const x = linear(low, end, left, right), most = Math.max(...high, 1), y = linear(0, most, bottom, top);
    axes(root, { x, y, xs: xs(width), ys: ticks(0, most, 4).map((v) => [v, v]), left, right, top, bottom });
    line(root, middle, high, x, y, 'c2');
    line(root, middle, median, x, y, 'c0');
    for (const [v, cls] of [[Math.LN2, 'c0 dash'], [Math.log(100), 'c2 dash']]) if (v < most) root.append(svg('line', { class: `curve ${cls}`, x1: left, x2: right, y1: y(v), y2: y(v), opacity: 0.55 }));
  });
  return [h('h3', null, `Share flagged ${about} (height: square root)`), rate, legend([['block s0', 'flagged'], ['sl', 'expected']]),
    h('h3', null, `Surprise ${about}, nats`), levels, legend([['s0', 'median'], ['s2', '99 of 100 flows are below'], ['s1', 'dashes: as in training']])];
}

function detectionSection() {
  const found = data.detection;
  const box = section('detection', 'Detection, by labels');
  if (!found) {
    box.append(h('p', { class: 'soft' }, data.scored ? 'The flows have no labels of both attacks and benign flows: nothing to measure with.' : 'Needs labelled flows: give --flows and --model.'));
    return;
  }
  let picked = 0;
  const curves = found.curves;
  const pair = (label, xs, ys, text, log) => chart(250, label, (root, width, height) => {
    const left = 44, right = width - 22, top = 14, bottom = height - 38, c = curves[picked];
    const least = 1 / Math.max(found.benign, 10);
    const x = log ? logarithmic(Math.max(least, 1e-6), 1, left, right) : linear(0, 1, left, right), y = linear(0, 1, bottom, top);
    const ends = [];
    if (log) for (let e = 0; 10 ** e >= Math.max(least, 1e-6); e--) ends.unshift([10 ** e, `${Number((100 * 10 ** e).toPrecision(1))} %`]);
    else for (const v of [0, 0.25, 0.5, 0.75, 1]) ends.push([v, `${100 * v} %`]);
    axes(root, { x, y, xs: ends, ys: [0, 0.25, 0.5, 0.75, 1].map((v) => [v, `${100 * v} %`]), left, right, top, bottom, xLabel: text });
    if (picked) line(root, xs(curves[0]), ys(curves[0]), x, y, 'c1');
    line(root, xs(c), ys(c), x, y, 'c0');
    const at = found.benign_flagged / found.benign;
    if (log) root.append(svg('line', { class: 'limit', x1: x(at), x2: x(at), y1: top, y2: bottom }));
  });
  const names = h('div');
  const name = () => names.replaceChildren(legend([['s0', curves[picked].name], ...(picked ? [['s1', 'all attacks']] : []), ['sl', 'threshold']]));
  const table = h('table', null, h('thead', null, h('tr', null, ['Class', 'Flows', 'Flagged', 'ROC AUC', 'Average precision'].map((t, i) => h('th', { class: i ? 'right' : null, scope: 'col' }, t)))),
    h('tbody', null, curves.map((c, i) => h('tr', null, h('td', null, h('button', { type: 'button', 'aria-pressed': i === 0, onclick: () => pick(i) }, c.name)),
      h('td', { class: 'right' }, count(c.flows)), h('td', { class: 'right' }, share(c.flagged / c.flows)), h('td', { class: 'right' }, fixed(c.roc_auc, 4)), h('td', { class: 'right' }, fixed(c.average_precision, 4))))));
  function pick(i) {
    picked = i;
    table.querySelectorAll('button').forEach((b, k) => b.setAttribute('aria-pressed', k === i));
    name();
    redraw(roc);
    redraw(precision);
  }
  name();
  const roc = pair('ROC', (c) => c.fpr, (c) => c.tpr, 'benign flows flagged', true);
  const precision = pair('Precision and recall', (c) => c.tpr, (c) => c.precision, 'attacks found', false);
  box.append(h('p', { class: 'soft' }, `${count(found.attacks)} attacks, ${count(found.benign)} benign flows${found.unlabelled ? `, ${count(found.unlabelled)} without a label` : ''}. `
    + `Benign flows flagged: ${share(found.benign_flagged / found.benign)}. Each class against all benign flows. Labels were read for these figures alone.`),
  h('div', { class: 'two' }, h('div', null, h('h3', null, 'Attacks found by benign flows flagged (ROC)'), roc,
    h('h3', null, 'Precision by attacks found'), precision, names), table));
}

function qualitySection() {
  const q = data.quality;
  const box = section('quality', 'Data quality');
  const list = (title, rows, cells) => (rows.length ? [h('h3', null, title), h('table', null, h('tbody', null, rows.map((r) => h('tr', null, cells(r)))))] : []);
  const right = (text) => h('td', { class: 'right' }, text);
  if (q.flows !== null) {
    const bad = q.bad.reduce((sum, b) => sum + b.count, 0);
    box.append(facts([['Flows scored', count(q.flows)], ['Durations missing', `${count(q.missing)} (${share(q.missing / Math.max(q.flows, 1))})`],
      ['Bad records', `${count(bad)} (${share(bad / Math.max(q.flows + bad, 1))})`]]));
  } else box.append(h('p', { class: 'soft' }, 'How the flows are read needs the flows: give --flows.'));
  box.append(...list('Bad records of the flows', q.bad, (b) => [h('td', null, b.reason), right(count(b.count))]),
    ...list('Records that the run set aside (dead letters)', q.dead, (b) => [h('td', null, b.reason), right(count(b.count)), h('td', { class: 'soft' }, `first: ${b.first}`)]),
    ...list('Lines of the alert files that are no alerts', q.alerts_bad, (b) => [h('td', null, b.reason), right(count(b.count))]));
  if (data.held.length) box.append(h('h3', null, 'Held back by rules, and not on this page'), h('ul', { class: 'said' }, data.held.map((text) => h('li', null, text))));
  for (const file of q.files) {
    box.append(h('h3', null, file.source), file.refused ? h('p', null, file.refused) : facts([['Format', file.format], ['Layout', file.layout], ['Directions', file.directions]]));
    if (file.columns.length) {
      box.append(h('details', null, h('summary', null, `${file.columns.length} columns`), h('table', null,
        h('thead', null, h('tr', null, ['Column', 'Made of', 'Absent'].map((t, i) => h('th', { class: i === 2 ? 'right' : null, scope: 'col' }, t)))),
        h('tbody', null, file.columns.map((c) => h('tr', null, h('td', null, h('code', null, c.name)), h('td', null, c.made_of), right(share(c.absent))))))));
    }
  }
}

function modelSection() {
  const m = data.model;
  const box = section('model', 'Model card');
  if (!m) { box.append(h('p', { class: 'soft' }, 'Needs the model: give --model.')); return; }
  const t = m.training;
  if (data.alerts_model && data.alerts_model !== `${m.name}@${m.hash}`) box.append(h('p', null, h('b', null, 'Another model: '), `the alerts are of ${data.alerts_model}, the curves of ${m.name}@${m.hash}.`));
  box.append(h('div', { class: 'two' }, facts([
    ['Model', `${m.name}@${m.hash}, preset ${m.preset}`], ['Reads', m.columns.join(', ')], ['Trained on', t.trained_on], ['Flows learnt from', count(t.flows)],
    ['Flows behind thresholds', count(t.validation_flows)], ['Hosts, pairs', `${count(t.hosts)}, ${count(t.pairs)}`],
    ['Durations missing', share(t.duration_missing)], ['Incidents left out', t.incidents === undefined ? null : `${count(t.incidents)}, ${count(t.left_out)} flows`],
    ['Epochs, time', `${count(t.epochs)}, ${span(t.seconds)}`], ['Went on from', t.parent],
  ]), h('table', null, h('thead', null, h('tr', null, ['Alert budget', 'Surprise, nats', 'Score', ''].map((x, i) => h('th', { class: i && i < 3 ? 'right' : null, scope: 'col' }, x)))),
    h('tbody', null, m.thresholds.map((r) => h('tr', null, h('td', null, share(r.budget)), h('td', { class: 'right' }, fixed(r.surprise, 4)), h('td', { class: 'right' }, fixed(r.score, 6)), h('td', { class: 'soft' }, r.supported ? '' : 'extrapolated: too few flows')))))));
  if (m.text) box.append(h('details', null, h('summary', null, 'The whole card'), h('pre', null, m.text)));
}
