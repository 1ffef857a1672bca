// Showing.
const rows = new Map();  // turn's id → its parts, of the conversation that is shown
const stuck = () => $('scroll').scrollHeight - $('scroll').scrollTop - $('scroll').clientHeight < 60;
function toEnd() {
  $('scroll').scrollTop = $('scroll').scrollHeight;
  $('newest').hidden = true;
}

function showList() {
  const focus = document.activeElement?.dataset?.key;
  $('list').replaceChildren(...byUse().map(conversation => {
    const shown = conversation === open;
    return h('li', { class: shown ? 'open' : '' },
      button(conversation.title, 'open' + conversation.id, () => { go(conversation); drawer(false); },
        { class: 'title', title: conversation.title, 'aria-current': shown ? 'true' : undefined }),
      button('Rename', 'rename' + conversation.id, event => rename(conversation, event.target.parentNode),
        { class: 'tool', 'aria-label': `Rename ${conversation.title}` }),
      button('Delete', 'delete' + conversation.id, () => remove(conversation),
        { class: 'tool', 'aria-label': `Delete ${conversation.title}` }));
  }));
  refocus(focus);
}
function refocus(key) {
  if (key && document.activeElement === document.body) document.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

function show() {
  const focus = document.activeElement?.dataset?.key, turns = path(open);
  rows.clear();
  $('turns').replaceChildren(...(turns.length ? turns.map(row) : [emptyPage()]));
  $('turns').classList.toggle('column', turns.length > 0);
  document.title = turns.length ? `${open.title} – Tessera` : 'Tessera';
  for (const turn of turns) update(turn);
  refocus(focus);
  showSend();
}
function emptyPage() {
  const ideas = ['Explain how a transformer reads text', 'Write a haiku about stones', 'Plan a rainy afternoon'];
  return h('div', { class: 'empty' }, document.querySelector('.brand svg').cloneNode(true), h('h1', {}, 'What shall we talk about?'),
    h('p', {}, 'The model runs on the machine that serves this page. Conversations stay in this browser.'),
    h('div', { class: 'ideas' }, ...ideas.map(text => button(text, text, () => { setPrompt(text); $('prompt').focus(); }))));
}

function row(turn) {
  const mine = turn.role === 'user', text = h('div', { class: 'text' }), under = h('div', { class: 'under' });
  const parts = { text, under, reasoning: null, fault: h('div') };
  rows.set(turn.id, parts);
  parts.element = h('article', { class: `turn ${turn.role}`, 'aria-label': mine ? 'You' : turn.model || 'Answer', 'data-turn': turn.id });
  parts.element.append(...(editing === turn.id ? [editor(turn)] : [text, parts.fault, under]));
  return parts.element;
}

/** Brings a turn's row to what the turn says. */
function update(turn) {
  const parts = rows.get(turn.id), run = runs.get(open.id), running = run?.turn === turn;
  if (!parts) return;
  const mine = turn.role === 'user';
  if (mine) parts.text.textContent = turn.text;
  if (turn.reasoning) {
    if (!parts.reasoning) {
      const body = h('div');
      parts.reasoning = { summary: h('summary'), body };
      parts.text.before(h('details', { class: 'reasoning' }, parts.reasoning.summary, body));
    }
    const thought = turn.figures.thought;
    parts.reasoning.summary.textContent = running && !turn.text ? 'Thinking…' : thought ? `Thought for ${thought.toFixed(1)} s` : 'Thoughts';
    render(parts.reasoning.body, turn.reasoning);
  }
  if (!mine) {
    const now = render(parts.text, turn.text);
    // Screen readers hear a block when it is whole.
    const whole = running ? now.length - 1 : now.length;
    if (run?.turn === turn || parts.heard !== undefined) {
      const fresh = now.slice(parts.heard ?? 0, whole).map(block => block.node.textContent).join('\n');
      parts.heard = Math.max(parts.heard ?? 0, whole);
      if (fresh) announce(fresh);
    }
    parts.text.classList.toggle('waiting', running && !turn.text);
    parts.element.setAttribute('aria-busy', String(running));
  }
  const state = [running, turn.fault, turn.note, JSON.stringify(turn.figures), siblings(turn).length].join('|');
  if (parts.state === state) return;
  parts.state = state;
  parts.fault.replaceChildren(...(turn.fault
    ? [h('div', { class: 'fault', role: 'alert' }, turn.fault, ' ', button('Retry', 'retry' + turn.id, () => again(turn)))] : []));
  parts.under.replaceChildren(...(running ? [] : [
    mine ? button('Edit', 'edit' + turn.id, () => edit(turn)) : null,
    turn.text ? button('Copy', 'copy' + turn.id, () => copy(turn.text)) : null,
    mine || (turn.fault && !turn.text) ? null : button('Answer again', 'again' + turn.id, () => again(turn)),
    ...branches(turn),
    mine ? null : h('span', { class: 'figures' }, figures(turn)),
  ].filter(each => each !== null)));
}
function branches(turn) {
  const all = siblings(turn), at = all.indexOf(turn);
  if (all.length < 2) return [];
  const to = step => { open.head = leafBelow(all[at + step]); keep(open, false); show(); };
  // The key stays with the place, so that the focus does when another branch is shown.
  const step = (text, label, by) => button(text, label + turn.parent + turn.role, () => to(by), { 'aria-label': label, disabled: !all[at + by] });
  return [step('‹', 'Earlier version', -1), h('span', {}, `${at + 1} of ${all.length}`), step('›', 'Later version', 1)];
}
function figures({ figures: { rate, first, tokens, prompt, cached }, note }) {
  return [
    rate > 0 ? `${rate.toFixed(1)} tokens/s` : '',
    first > 0 ? `first after ${first < 10 ? first.toFixed(2) : first.toFixed(0)} s` : '',
    tokens > 0 ? `${tokens} tokens` : '',
    prompt > 0 ? `${cached ?? 0} of ${prompt} prompt tokens cached` : '',
    note,
  ].filter(Boolean).join(' · ');
}
function showSend() {
  const running = runs.has(open.id);
  $('send').textContent = running ? 'Stop' : 'Send';
  $('send').setAttribute('aria-keyshortcuts', running ? 'Escape' : 'Enter');
}
