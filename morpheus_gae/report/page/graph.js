// Hosts and who talked to whom, on a canvas: drag moves, wheel with Ctrl or after a click zooms, arrows and + - 0 too.
const MOST_NODES = 240;

// rows of alerts as nodes and edges; the pairs with most surprise where there are too many hosts
function network(rows) {
  const pairs = new Map();
  for (const i of rows) {
    const key = alerts.src[i] * 1e7 + alerts.dst[i];
    const pair = pairs.get(key) || { src: alerts.src[i], dst: alerts.dst[i], alerts: 0, surprise: 0, severity: 0 };
    pair.alerts += 1;
    pair.surprise = Math.max(pair.surprise, alerts.surprise[i]);
    pair.severity = Math.max(pair.severity, alerts.severity[i]);
    pairs.set(key, pair);
  }
  const ranked = [...pairs.values()].sort((a, b) => b.surprise - a.surprise || b.alerts - a.alerts || a.src - b.src || a.dst - b.dst);
  // each source in turn, so that none fills the picture
  const turns = new Map();
  for (const pair of ranked) {
    pair.turn = turns.get(pair.src) || 0;
    turns.set(pair.src, pair.turn + 1);
  }
  ranked.sort((a, b) => a.turn - b.turn);
  const nodes = new Map(), edges = [], hosts = new Set();
  const node = (host) => {
    if (!nodes.has(host)) nodes.set(host, { host, name: alerts.hosts[host], out: 0, into: 0, alerts: 0, links: [], x: 0, y: 0 });
    return nodes.get(host);
  };
  for (const pair of ranked) {
    hosts.add(pair.src).add(pair.dst);
    const fresh = (nodes.has(pair.src) ? 0 : 1) + (nodes.has(pair.dst) ? 0 : 1);
    if (nodes.size + fresh > MOST_NODES) continue;
    const a = node(pair.src), b = node(pair.dst), edge = { ...pair, a, b };
    a.out += 1; b.into += 1; a.alerts += pair.alerts; b.alerts += pair.alerts;
    a.links.push(edge); b.links.push(edge);
    edges.push(edge);
  }
  return { nodes: [...nodes.values()], edges, hosts: hosts.size, pairs: ranked.length };
}
// forces (Fruchterman and Reingold 1991) from a spiral, so that the same alerts always look the same
function arrange(net) {
  const nodes = net.nodes.sort((a, b) => b.links.length - a.links.length || a.host - b.host);
  const n = nodes.length, k = 60;
  nodes.forEach((node, i) => {
    const radius = k * 0.6 * Math.sqrt(i + 0.5), angle = i * 2.399963;
    node.x = radius * Math.cos(angle); node.y = radius * Math.sin(angle);
  });
  const rounds = n > 150 ? 110 : 180;
  for (let round = 0; round < rounds; round++) {
    const heat = k * 0.9 * (1 - round / rounds) + 0.5;
    for (const node of nodes) { node.dx = -0.012 * k * node.x / 10; node.dy = -0.012 * k * node.y / 10; }
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) {
        const a = nodes[i], b = nodes[j];
        const dx = a.x - b.x || 0.01, dy = a.y - b.y || 0.01, square = dx * dx + dy * dy;
        const force = (k * k) / square;
        a.dx += dx * force; a.dy += dy * force; b.dx -= dx * force; b.dy -= dy * force;
      }
    }
    for (const { a, b } of net.edges) {
      if (a === b) continue;
      const dx = a.x - b.x, dy = a.y - b.y, pull = Math.sqrt(dx * dx + dy * dy) / k / Math.sqrt(Math.min(a.links.length, b.links.length));
      a.dx -= dx * pull; a.dy -= dy * pull; b.dx += dx * pull; b.dy += dy * pull;
    }
    for (const node of nodes) {
      const length = Math.sqrt(node.dx * node.dx + node.dy * node.dy) || 1, step = Math.min(length, heat);
      node.x += (node.dx / length) * step; node.y += (node.dy / length) * step;
    }
  }
  return net;
}

function hostGraph() {
  const canvas = h('canvas', { tabindex: 0, role: 'img', 'aria-label': 'Graph of hosts; arrow keys move it, plus and minus zoom, N goes from host to host, Enter lists its alerts' });
  const told = h('div', { class: 'told', 'aria-live': 'polite' });
  const button = (text, label, act) => h('button', { type: 'button', 'aria-label': label, title: label, onclick: act }, text);
  const box = h('div', { class: 'graph' }, canvas, h('div', { class: 'tools' },
    button('+', 'zoom in', () => zoom(1.3)), button('−', 'zoom out', () => zoom(1 / 1.3)), button('fit', 'fit everything in', () => fit())), told);
  let net = { nodes: [], edges: [], hosts: 0, pairs: 0 };
  let view = { x: 0, y: 0, scale: 1 }, over = null, drag = null, moved = false, wheel = false;

  function show(rows) {
    net = arrange(network(rows));
    over = null;
    canvas.setAttribute('aria-label', `Graph of ${plural(net.nodes.length, 'host')} and ${plural(net.edges.length, 'pair')}; arrow keys move it, plus and minus zoom, N goes from host to host, Enter lists its alerts`);
    fit();
  }
  const room = () => (state.printing ? [1030, 340] : [canvas.clientWidth || 500, canvas.clientHeight || 340]);
  function fit() {
    if (!net.nodes.length) { view = { x: 0, y: 0, scale: 1 }; return draw(); }
    const xs = net.nodes.map((n) => n.x), ys = net.nodes.map((n) => n.y);
    const [l, r, t, b] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const [w, height] = room();
    view.scale = Math.min(1.6, (w - 110) / (r - l || 1), (height - 50) / (b - t || 1));
    view.x = (l + r) / 2; view.y = (t + b) / 2;
    draw();
  }
  function zoom(by, at) {
    const before = at && back(at);
    view.scale = Math.max(0.05, Math.min(8, view.scale * by));
    if (before) { const after = back(at); view.x += before.x - after.x; view.y += before.y - after.y; }
    draw();
  }
  const back = (p) => ({ x: (p.x - canvas.clientWidth / 2) / view.scale + view.x, y: (p.y - canvas.clientHeight / 2) / view.scale + view.y });
  const size = (node) => 3.5 + Math.min(8, 1.4 * Math.sqrt(node.links.length));

  function draw() {
    const [w, height] = room(), dpr = state.printing ? 2 : window.devicePixelRatio || 1;
    canvas.width = w * dpr; canvas.height = height * dpr;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const c = canvas.getContext('2d');
    c.setTransform(dpr, 0, 0, dpr, 0, 0);
    c.clearRect(0, 0, w, height);
    const X = (v) => (v - view.x) * view.scale + w / 2, Y = (v) => (v - view.y) * view.scale + height / 2;
    for (const edge of net.edges) {
      const near = over && (edge.a === over || edge.b === over);
      c.globalAlpha = over ? (near ? 1 : 0.15) : 0.55;
      c.strokeStyle = c.fillStyle = colour(ALERT_SEVERITIES[edge.severity]);
      c.lineWidth = Math.min(5, 0.8 + 0.5 * Math.log2(edge.alerts));
      const x1 = X(edge.a.x), y1 = Y(edge.a.y), x2 = X(edge.b.x), y2 = Y(edge.b.y);
      c.beginPath();
      if (edge.a === edge.b) c.arc(x1, y1 - 9, 8, 0, 7);
      else { c.moveTo(x1, y1); c.lineTo(x2, y2); }
      c.stroke();
      const length = Math.hypot(x2 - x1, y2 - y1);
      if (length > 22) {
        const ux = (x2 - x1) / length, uy = (y2 - y1) / length, end = size(edge.b) + 1, px = x2 - ux * end, py = y2 - uy * end;
        c.beginPath(); c.moveTo(px, py);
        c.lineTo(px - 7 * ux + 3 * uy, py - 7 * uy - 3 * ux); c.lineTo(px - 7 * ux - 3 * uy, py - 7 * uy + 3 * ux); c.fill();
      }
    }
    c.font = '11px ui-monospace, Menlo, Consolas, "Liberation Mono", monospace';
    c.textAlign = 'center';
    const ranked = [...net.nodes].sort((a, b) => b.links.length - a.links.length || b.alerts - a.alerts);
    for (const node of ranked) {
      const x = X(node.x), y = Y(node.y), r = size(node);
      const near = over && (node === over || node.links.some((e) => e.a === over || e.b === over));
      c.globalAlpha = over && !near ? 0.3 : 1;
      c.fillStyle = node.out ? colour('accent') : colour('panel');
      c.strokeStyle = node.out ? colour('accent') : colour('soft');
      c.lineWidth = 1.5;
      c.beginPath();
      if (inside(node.name)) c.arc(x, y, r, 0, 7);
      else c.rect(x - r, y - r, 2 * r, 2 * r);
      c.fill(); c.stroke();
    }
    // names on top, where they have room: of hosts with several peers, of all where there are few or it is near
    const all = ranked.length <= 30 || view.scale > 1.2, taken = [];
    for (const node of over ? [over, ...ranked] : ranked) {
      const x = X(node.x), y = Y(node.y), r = size(node);
      const near = over && (node === over || node.links.some((e) => e.a === over || e.b === over));
      c.globalAlpha = over && !near ? 0.3 : 1;
      const half = node.name.length * 3.4, place = [x - half, y + r + 3, x + half, y + r + 15];
      const free = !taken.some((t) => t[0] < place[2] && place[0] < t[2] && t[1] < place[3] && place[1] < t[3]);
      if (free && (all || node === over || node.links.length > 1)) {
        taken.push(place);
        c.fillStyle = colour('text');
        c.strokeStyle = colour('sunk'); c.lineWidth = 3;
        c.strokeText(shown(node.name), x, y + r + 13); c.fillText(shown(node.name), x, y + r + 13);
      }
    }
    c.globalAlpha = 1;
    tell();
  }
  function tell() {
    const left = net.hosts - net.nodes.length;
    const rest = left > 0 ? `; ${plural(left, 'more host')} with less surprise not drawn` : '';
    told.textContent = over
      ? shown(`${over.name}${inside(over.name) ? '' : ' (outside)'}: source to ${plural(over.out, 'host')}, target of ${count(over.into)}, ${plural(over.alerts, 'alert')}`)
      : `${plural(net.nodes.length, 'host')}, ${plural(net.edges.length, 'pair')}${rest}. Filled: a source; square: outside.`;
  }
  const spot = (event) => { const r = canvas.getBoundingClientRect(); return { x: event.clientX - r.left, y: event.clientY - r.top }; };
  function under(event) {
    const p = back(spot(event));
    let best = null, least = 14 / view.scale;
    for (const node of net.nodes) {
      const d = Math.hypot(node.x - p.x, node.y - p.y);
      if (d < Math.max(least, 0) && d < 14 / view.scale) { best = node; least = d; }
    }
    return best;
  }
  const only = (node) => { if (node) filterAlerts(node.name); };
  canvas.addEventListener('pointerdown', (e) => { drag = spot(e); moved = false; wheel = true; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener('pointermove', (e) => {
    if (drag) {
      const p = spot(e);
      moved = moved || Math.hypot(p.x - drag.x, p.y - drag.y) > 3;
      if (moved) { view.x -= (p.x - drag.x) / view.scale; view.y -= (p.y - drag.y) / view.scale; drag = p; draw(); }
      return;
    }
    const found = under(e);
    if (found !== over) { over = found; canvas.style.cursor = found ? 'pointer' : 'grab'; draw(); }
  });
  canvas.addEventListener('pointerup', (e) => { if (!moved) only(under(e)); drag = null; });
  canvas.addEventListener('pointerleave', () => { wheel = false; if (over && !drag) { over = null; draw(); } });
  canvas.addEventListener('wheel', (e) => {
    // the page scrolls on, unless it is meant
    if (!wheel && !e.ctrlKey) return;
    e.preventDefault();
    zoom(Math.exp(-e.deltaY / 400), spot(e));
  }, { passive: false });
  canvas.addEventListener('keydown', (e) => {
    const step = 40 / view.scale;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (e.key in moves) { view.x += moves[e.key][0]; view.y += moves[e.key][1]; draw(); }
    else if (e.key === '+' || e.key === '=') zoom(1.3);
    else if (e.key === '-') zoom(1 / 1.3);
    else if (e.key === '0') fit();
    else if ((e.key === 'n' || e.key === 'N') && net.nodes.length) {
      over = net.nodes[(net.nodes.indexOf(over) + (e.shiftKey ? net.nodes.length - 1 : 1)) % net.nodes.length];
      draw();
    } else if (e.key === 'Enter') only(over);
    else if (e.key === 'Escape') { over = null; draw(); }
    else return;
    e.preventDefault();
  });
  return { box, show, draw, fit };
}
