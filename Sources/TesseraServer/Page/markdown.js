// Markdown, as nodes.
const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`\s]*)[^`]*$/, HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/, RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const QUOTE = /^ {0,3}> ?/, ITEM = /^( {0,12})([-*+]|\d{1,9}[.)])(?: +|$)/, DIVIDER = /^ *\|?(?: *:?-+:? *\|)* *:?-+:? *\|? *$/;

/** Cuts text into blocks: { kind, source, … }. */
function blocks(text) {
  const lines = text.replaceAll('\r\n', '\n').replaceAll('\t', '    ').split('\n'), found = [];
  const starts = index => FENCE.test(lines[index]) || HEADING.test(lines[index]) || RULE.test(lines[index]) ||
    QUOTE.test(lines[index]) || ITEM.test(lines[index]);
  let index = 0;
  while (index < lines.length) {
    const first = index, line = lines[index];
    let block, match;
    if (line.trim() === '') {
      index += 1;
      continue;
    } else if ((match = FENCE.exec(line))) {
      const body = [], mark = match[1];
      for (index += 1; index < lines.length; index += 1) {
        const end = lines[index].trim();
        if (end.length >= mark.length && end === mark[0].repeat(end.length)) break;
        body.push(lines[index]);
      }
      index += 1;
      block = { kind: 'code', language: match[2], body: body.join('\n') };
    } else if ((match = HEADING.exec(line))) {
      index += 1;
      block = { kind: 'heading', level: match[1].length, body: match[2] };
    } else if (RULE.test(line)) {
      index += 1;
      block = { kind: 'rule' };
    } else if (QUOTE.test(line)) {
      while (index < lines.length && lines[index].trim() !== '' && (QUOTE.test(lines[index]) || !starts(index))) index += 1;
      block = { kind: 'quote', body: lines.slice(first, index).map(each => each.replace(QUOTE, '')).join('\n') };
    } else if ((match = ITEM.exec(line))) {
      block = { kind: 'list', number: /\d/.test(match[2]) ? parseInt(match[2], 10) : null, items: [] };
      while (index < lines.length) {
        const item = ITEM.exec(lines[index]);
        if (!item || item[1].length !== match[1].length || /\d/.test(item[2]) !== (block.number !== null)) break;
        const deep = item[0].length, body = [lines[index].slice(deep)];
        for (index += 1; index < lines.length; index += 1) {
          const next = lines[index], indent = next.search(/\S/);
          if (indent < 0) {
            if (!/^ +\S/.test(lines[index + 1] ?? '') && !ITEM.test(lines[index + 1] ?? '')) break;
            body.push('');
          } else if (indent >= Math.min(deep, item[1].length + 2)) {
            body.push(next.slice(Math.min(deep, indent)));
          } else if (!starts(index) && body.at(-1) !== '') {
            body.push(next);
          } else {
            break;
          }
        }
        block.items.push(body.join('\n'));
      }
    } else if (line.includes('|') && DIVIDER.test(lines[index + 1] ?? '') && lines[index + 1].includes('-')) {
      const cells = row => row.trim().replace(/^\||\|$/g, '').split('|').map(cell => cell.trim());
      for (index += 2; index < lines.length && lines[index].includes('|'); index += 1);
      block = { kind: 'table', head: cells(line), rows: lines.slice(first + 2, index).map(cells) };
    } else {
      for (index += 1; index < lines.length && lines[index].trim() !== '' && !starts(index); index += 1);
      block = { kind: 'text', body: lines.slice(first, index).join('\n').trim() };
    }
    found.push({ ...block, source: lines.slice(first, index).join('\n') });
  }
  return found;
}

function blockNode(block, depth) {
  const inside = body => depth < DEEPEST ? blocks(body).map(each => blockNode(each, depth + 1)) : [body];
  switch (block.kind) {
  case 'code':
    return h('figure', {},
      h('figcaption', {}, h('span', {}, block.language || 'code'),
        h('button', { type: 'button', onclick: event => copy(event.target.closest('figure').querySelector('code').textContent) }, 'Copy')),
      h('pre', { tabindex: '0', 'aria-label': 'Code' }, h('code', {}, block.body)));
  case 'heading': return inline(h(`h${block.level}`), block.body);
  case 'rule': return h('hr');
  case 'quote': return h('blockquote', {}, ...inside(block.body));
  case 'list': {
    const list = h(block.number === null ? 'ul' : 'ol', block.number === null ? {} : { start: block.number });
    for (const item of block.items) {
      const body = inside(item);
      // An item of one paragraph needs no paragraph.
      list.append(h('li', {}, ...(body[0]?.tagName === 'P' ? [...body[0].childNodes, ...body.slice(1)] : body)));
    }
    return list;
  }
  case 'table': {
    const row = (cells, tag) => h('tr', {}, ...block.head.map((_, column) => inline(h(tag), cells[column] ?? '')));
    return h('div', { class: 'table', tabindex: '0', role: 'region', 'aria-label': 'Table' },
      h('table', {}, h('thead', {}, row(block.head, 'th')), h('tbody', {}, ...block.rows.map(cells => row(cells, 'td')))));
  }
  default: return inline(h('p'), block.body);
  }
}

/** Links that a model writes go to the web or to a mail program; whatever else it writes there stays text. */
function link(address, text) {
  let url = null;
  try { url = new URL(address); } catch { /* not one */ }
  if (!url || !['http:', 'https:', 'mailto:'].includes(url.protocol)) return null;
  return h('a', { href: url.href, target: '_blank', rel: 'noopener noreferrer' }, text);
}

function inline(parent, text, depth = 0) {
  let plain = '', index = 0;
  const missing = new Set();  // marks that nothing closes from here on, so that long texts take linear time
  const flush = () => { if (plain) parent.append(plain); plain = ''; };
  const closing = (mark, from) => {
    if (missing.has(mark)) return -1;
    for (let at = text.indexOf(mark, from); at >= 0; at = text.indexOf(mark, at + 1)) {
      if (mark[0] === '`' && (text[at - 1] === '`' || text[at + mark.length] === '`')) continue;
      if (mark === '*' && (text[at - 1] === '*' || text[at + 1] === '*')) continue;
      if (mark[0] === '_' && /\w/.test(text[at + mark.length] ?? '')) continue;
      if (mark[0] === '`' || !/\s/.test(text[at - 1])) return at;
    }
    missing.add(mark);
    return -1;
  };
  while (index < text.length) {
    const rest = text[index], mark = /^(?:`+|\*\*|__|~~|\*|_)/.exec(text.slice(index, index + 16))?.[0];
    if (rest === '\n') {
      flush();
      parent.append(h('br'));
      index += 1;
    } else if (rest === '\\' && /[!-/:-@[-`{-~]/.test(text[index + 1] ?? '')) {
      plain += text[index + 1];
      index += 2;
    } else if (mark && depth < DEEPEST) {
      const inner = index + mark.length, opens = mark[0] === '`' ||
        (!/\s/.test(text[inner] ?? ' ') && !(mark[0] === '_' && /\w/.test(text[index - 1] ?? '')));
      const end = opens ? closing(mark, inner + 1) : -1;
      if (end < 0) {
        plain += mark;
        index = inner;
        continue;
      }
      flush();
      const body = text.slice(inner, end), tag = { '~~': 'del', '*': 'em', _: 'em' }[mark] ?? 'strong';
      parent.append(mark[0] === '`' ? h('code', {}, body.trim() || body) : inline(h(tag), body, depth + 1));
      index = end + mark.length;
    } else if (rest === '[' || rest === 'h' || rest === '!') {
      const near = text.slice(index, index + 2048);
      // A picture would be fetched from elsewhere: it becomes a link.
      const match = /^!?\[([^\[\]\n]{0,500})\]\(([^\s()]{1,1500})(?: +"[^"\n]{0,200}")?\)/.exec(near) ??
        (/\w/.test(text[index - 1] ?? '') ? null : /^(https?:\/\/[^\s<>()"'`*]*[^\s<>()"'`*.,;:!?\]])/.exec(near));
      const node = match && link(match[2] ?? match[1], match[2] ? match[1] || match[2] : match[1]);
      if (node) flush();
      if (node) parent.append(node); else plain += rest;
      index += node ? match[0].length : 1;
    } else {
      plain += rest;
      index += 1;
    }
  }
  flush();
  return parent;
}

/** Brings an element to a text that grew: blocks that are as they were keep their nodes. Returns what was finished. */
function render(element, text) {
  const old = element.rendered ?? [], now = blocks(text);
  let same = 0;
  while (same < old.length && same < now.length && old[same].source === now[same].source && old[same].kind === now[same].kind) same += 1;
  const tail = old[same], next = now[same];
  if (tail?.kind === 'code' && next?.kind === 'code' && tail.language === next.language) {
    // A block of code that grows keeps its place and its focus.
    tail.node.querySelector('code').textContent = next.body;
    next.node = tail.node;
  }
  for (const block of old.slice(same)) if (block.node !== next?.node) block.node.remove();
  now.forEach((block, position) => {
    block.node ??= position < same ? old[position].node : blockNode(block, 0);
    if (!block.node.isConnected || block.node.parentNode !== element) element.append(block.node);
  });
  element.rendered = now;
  return now;
}
