// A table of any length: rows that are seen are drawn. Arrow keys, Page, Home, End move; Enter chooses.
const ROW = 25;
const grids = [];

function grid({ label, columns, height, rows, choose, chosen, sort, printed }) {
  let order = rows();
  let active = 0;
  let by = sort || null;
  // where it stands, so that drawing asks nothing of the page's layout
  let scrolled = 0;
  const template = columns.map((c) => c.width).join(' ');
  const spacer = h('div', { class: 'spacer', role: 'presentation' });
  const id = `grid${grids.length}`;
  const body = h('div', { class: 'body', tabindex: 0, role: 'grid', 'aria-label': label, id,
    onscroll: () => { scrolled = body.scrollTop; draw(); }, onkeydown: keys, onfocus: () => draw() }, spacer);
  const titles = h('div', { class: 'titles' }, columns.map((c, k) => h('button', {
    type: 'button', class: c.right ? 'right' : null, title: c.told || `sort by ${c.title}`, onclick: () => resort(k) }, c.title)));
  titles.style.gridTemplateColumns = template;
  const box = h('div', { class: 'grid' }, titles, body);
  body.style.height = `${height}px`;

  function resort(k) {
    by = by && by.column === k ? { column: k, down: !by.down } : { column: k, down: !!columns[k].right };
    refresh();
    body.scrollTop = scrolled = 0;
  }
  function sorted() {
    if (!by) return;
    const key = columns[by.column].key;
    const keys = new Map(order.map((i) => [i, key(i)]));
    const turn = by.down ? -1 : 1;
    order.sort((a, b) => {
      const x = keys.get(a), y = keys.get(b);
      return (x < y ? -turn : x > y ? turn : 0) || a - b;
    });
  }
  function refresh() {
    order = rows();
    sorted();
    active = Math.max(0, Math.min(active, order.length - 1));
    [...titles.children].forEach((button, k) => {
      const mine = by && by.column === k;
      button.textContent = columns[k].title + (mine ? (by.down ? ' ▾' : ' ▴') : '');
      button.setAttribute('aria-pressed', mine ? 'true' : 'false');
    });
    draw();
  }
  function draw() {
    const n = order.length;
    spacer.style.height = `${n * ROW}px`;
    body.setAttribute('aria-rowcount', n);
    const seen = Math.ceil(height / ROW);
    const top = state.printing ? 0 : Math.floor(scrolled / ROW);
    const first = Math.max(0, top - 6);
    const last = Math.min(n, state.printing ? printed : top + seen + 6);
    const nodes = [];
    for (let r = first; r < last; r++) nodes.push(row(r));
    if (!n) nodes.push(h('div', { class: 'none' }, 'Nothing here.'));
    if (state.printing && n > printed) nodes.push(h('div', { class: 'none' }, `${count(n - printed)} more are in the page itself.`));
    spacer.replaceChildren(...nodes);
    if (n) body.setAttribute('aria-activedescendant', `${id}r${active}`);
    else body.removeAttribute('aria-activedescendant');
  }
  function row(r) {
    const i = order[r];
    const is = chosen && chosen(i);
    const node = h('div', { class: `row${r === active ? ' active' : ''}${is ? ' chosen' : ''}`, role: 'row', id: `${id}r${r}`,
      'aria-rowindex': r + 1, 'aria-selected': is ? 'true' : 'false', onclick: () => { active = r; pick(); } },
    columns.map((c) => {
      const value = c.cell(i);
      return h('span', { role: 'gridcell', class: c.right ? 'right' : null, title: value instanceof Node ? null : value }, value);
    }));
    node.style.gridTemplateColumns = template;
    node.style.top = `${r * ROW}px`;
    return node;
  }
  function pick() {
    if (choose && order.length) choose(order[active]);
    draw();
  }
  function show() {
    const top = active * ROW;
    if (top < scrolled) body.scrollTop = scrolled = top;
    else if (top + ROW > scrolled + height) body.scrollTop = scrolled = top + ROW - height;
  }
  function keys(event) {
    const page = Math.max(1, Math.floor(height / ROW) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -order.length, End: order.length };
    if (event.key === 'Enter' || event.key === ' ') pick();
    else if (event.key in steps && !event.ctrlKey && !event.metaKey && !event.altKey) {
      active = Math.max(0, Math.min(order.length - 1, active + steps[event.key]));
      show();
      draw();
    } else return;
    event.preventDefault();
  }
  const fit = () => { titles.style.paddingRight = `${8 + body.offsetWidth - body.clientWidth}px`; };
  const made = { box, refresh, draw, fit, length: () => order.length,
    move: (i) => { const r = order.indexOf(i); if (r >= 0) { active = r; show(); draw(); } } };
  grids.push(made);
  refresh();
  return made;
}
