// What is kept in the browser.
/** What this tab alone keeps; browsers may forbid it. */
const tab = {
  get(key) { try { return sessionStorage.getItem(key); } catch { return null; } },
  set(key, text) { try { if (text) sessionStorage.setItem(key, text); else sessionStorage.removeItem(key); } catch { /* forbidden */ } },
};
// A conversation is a tree of turns: editing a turn or answering again adds a sibling, `head` is the leaf that is shown.
const conversations = new Map();
const runs = new Map();  // conversation's id → what answers it now
let open = null, editing = null;
let settings = { system: '', temperature: '', top_p: '', max_tokens: '', seed: '', model: '' };

function write(key, text) {
  for (;;) {
    try {
      localStorage.setItem(key, text);
      return true;
    } catch (error) {
      const oldest = byUse().findLast(other => PREFIX + other.id !== key && other !== open && !runs.has(other.id));
      if (error.name !== 'QuotaExceededError' || !oldest) {
        notice('The browser does not keep this conversation: ' + error.message);
        return false;
      }
      forget(oldest);
      notice(`The browser’s storage is full: “${oldest.title}” was dropped.`);
    }
  }
}
const byUse = () => [...conversations.values()].sort((a, b) => b.updated - a.updated);
function keep(conversation, touch = true) {
  if (!conversations.has(conversation.id)) return;
  if (touch) conversation.updated = Date.now();
  write(PREFIX + conversation.id, JSON.stringify(conversation));
}
function forget(conversation) {
  runs.get(conversation.id)?.controller.abort();
  conversations.delete(conversation.id);
  try { localStorage.removeItem(PREFIX + conversation.id); } catch { /* there is no storage */ }
}

/** A conversation made of what a file or the storage holds, or null: nothing of it is believed. */
function checked(value) {
  if (typeof value !== 'object' || value === null || typeof value.turns !== 'object' || value.turns === null) return null;
  const text = (item, most = 1 << 22) => typeof item === 'string' ? item.slice(0, most) : '';
  const turns = {}, entries = Object.values(value.turns).slice(0, 20000);
  for (const turn of entries) {
    if (typeof turn !== 'object' || turn === null || !/^[0-9a-f]{16}$/.test(turn.id)) return null;
    if (turn.role !== 'user' && turn.role !== 'assistant') return null;
    // A parent comes before its children, so there is no circle.
    const parent = typeof turn.parent === 'string' && Object.hasOwn(turns, turn.parent) ? turn.parent : null;
    const figures = {};
    for (const name of ['rate', 'first', 'tokens', 'prompt', 'cached', 'thought'])
      if (Number.isFinite(turn.figures?.[name])) figures[name] = turn.figures[name];
    turns[turn.id] = { id: turn.id, parent, role: turn.role, text: text(turn.text), reasoning: text(turn.reasoning),
      model: text(turn.model, 200), note: text(turn.note, 2000), fault: text(turn.fault, 4000), figures };
  }
  const time = Number.isFinite(value.updated) ? value.updated : Date.now();
  const head = Object.hasOwn(turns, value.head) ? value.head : Object.keys(turns).at(-1) ?? null;
  return { id: newID(), title: text(value.title, 200) || 'Conversation', updated: time, head, turns };
}

function read() {
  try {
    for (let index = localStorage.length - 1; index >= 0; index -= 1) {
      const key = localStorage.key(index);
      if (key?.startsWith(PREFIX)) readOne(key, localStorage.getItem(key));
    }
    Object.assign(settings, JSON.parse(localStorage.getItem(SETTINGS) ?? '{}'));
  } catch (error) {
    notice('The browser keeps nothing here: ' + error.message);
  }
}
function readOne(key, text) {
  let conversation = null;
  try { conversation = checked(JSON.parse(text)); } catch { /* damaged: it is left as it is */ }
  if (conversation) conversations.set(conversation.id = key.slice(PREFIX.length), conversation);
}

const start = () => ({ id: newID(), title: 'New conversation', updated: Date.now(), head: null, turns: {} });
const siblings = turn => Object.values(open.turns).filter(other => other.parent === turn.parent && other.role === turn.role);
function path(conversation, leaf = conversation.head) {
  const found = [];
  for (let turn = conversation.turns[leaf]; turn; turn = conversation.turns[turn.parent]) found.unshift(turn);
  return found;
}
function leafBelow(turn) {
  // Children come after their parents.
  let leaf = turn.id;
  for (const id = () => Object.values(open.turns).findLast(other => other.parent === leaf)?.id; id(); leaf = id());
  return leaf;
}
function add(conversation, role, parent, text = '') {
  const turn = { id: newID(), parent, role, text, reasoning: '', model: '', note: '', fault: '', figures: {} };
  conversation.turns[turn.id] = turn;
  conversation.head = turn.id;
  return turn;
}
