// Asking.
function headers() {
  const key = tab.get(KEY);
  return { 'Content-Type': 'application/json', ...(key ? { Authorization: `Bearer ${key}` } : {}) };
}
async function refusal(response) {
  const text = (await response.text()).slice(0, 4000);
  try {
    const { error, detail } = JSON.parse(text);
    return `${error?.message ?? error ?? detail ?? text} (status ${response.status})`;
  } catch {
    return `The server answered with status ${response.status}${text ? `: ${text.slice(0, 300)}` : '.'}`;
  }
}

/** The data of server-sent events, one by one. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '', data = [];
  for (;;) {
    const { value, done } = await reader.read();
    buffer += done ? '\n\n' : value;
    const lines = buffer.split('\n');
    buffer = lines.pop();
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
      else if (line === '' && data.length) {
        yield data.join('\n');
        data = [];
      }
    }
    if (done) return;
  }
}

function question(conversation, turn) {
  const messages = path(conversation, turn.parent).filter(each => each.role === 'user' || each.text)
    .map(({ role, text }) => ({ role, content: text }));
  if (settings.system) messages.unshift({ role: 'system', content: settings.system });
  const asked = { model: settings.model || undefined, messages, stream: true, stream_options: { include_usage: true } };
  for (const name of ['temperature', 'top_p', 'max_tokens', 'seed'])
    if (settings[name] !== '') asked[name] = Number(settings[name]);
  return asked;
}

async function answer(conversation, parent) {
  const turn = add(conversation, 'assistant', parent), controller = new AbortController();
  turn.model = settings.model;
  runs.set(conversation.id, { turn, controller });
  keep(conversation);
  if (conversation === open) { show(); toEnd(); }
  showList();
  announce('Answering.');

  const begun = performance.now(), since = () => (performance.now() - begun) / 1000;
  let first = null, last = null, pieces = 0, reason = null, whole = false, usage, timings, drawn = false, kept = 0;
  const draw = () => {
    if (drawn) return;
    drawn = true;
    requestAnimationFrame(() => {
      drawn = false;
      if (conversation !== open) return;
      const end = stuck();
      update(turn);
      if (end) toEnd(); else $('newest').hidden = false;
    });
  };
  try {
    const response = await fetch('/v1/chat/completions',
      { method: 'POST', headers: headers(), body: JSON.stringify(question(conversation, turn)), signal: controller.signal });
    if (!response.ok) throw new Error(await refusal(response));
    for await (const data of events(response.body)) {
      if (data === '[DONE]') { whole = true; break; }
      const part = JSON.parse(data), choice = part.choices?.[0], delta = choice?.delta ?? {};
      if (part.error) throw new Error(part.error.message ?? String(part.error));
      usage = part.usage ?? usage;
      timings = part.timings ?? timings;
      reason = choice?.finish_reason ?? reason;
      const thought = delta.reasoning_content ?? delta.reasoning ?? '', text = delta.content ?? '';
      if (!thought && !text) continue;
      first ??= since();
      last = since();
      pieces += 1;
      if (text && turn.reasoning && !turn.text) turn.figures.thought = last - first;
      turn.reasoning += thought;
      turn.text += text;
      draw();
      if (last - kept > 2) { kept = last; keep(conversation); }
    }
    if (!whole && !reason) throw new Error('The answer broke off.');
  } catch (error) {
    if (controller.signal.aborted) turn.note = 'stopped';
    else turn.fault = error instanceof TypeError ? `The server cannot be reached. (${error.message})` : error.message;
  }
  const tokens = usage?.completion_tokens ?? pieces, rate = timings?.predicted_per_second ?? (tokens - 1) / (last - first);
  Object.assign(turn.figures, Object.fromEntries(Object.entries({
    rate: tokens > 1 ? rate : null, first, tokens, prompt: usage?.prompt_tokens, cached: usage?.prompt_tokens_details?.cached_tokens ?? timings?.cache_n,
  }).filter(([, value]) => Number.isFinite(value))));
  if (reason === 'length') turn.note = 'cut at the most tokens';
  if (reason && reason !== 'length' && reason !== 'stop') turn.note = reason.replaceAll('_', ' ');
  runs.delete(conversation.id);
  keep(conversation);
  if (conversation === open) {
    const end = stuck();
    update(turn);
    if (end) toEnd();
    showSend();
  }
  if (turn.note === 'stopped') announce('Stopped.');
}

function send(text) {
  if (!text.trim() || runs.has(open.id)) return;
  if (!conversations.has(open.id)) {
    conversations.set(open.id, open);
    open.title = text.trim().split('\n')[0].slice(0, 60);
    for (const old of byUse().slice(MOST_KEPT)) forget(old);
  }
  editing = null;
  answer(open, add(open, 'user', open.head, text).id);
}
function again(turn) {
  if (runs.has(open.id)) return;
  // A question that got no answer is tried again in its place.
  if (turn.fault && !turn.text) delete open.turns[turn.id];
  answer(open, turn.parent);
}
function edit(turn) {
  if (runs.has(open.id)) return;
  editing = turn.id;
  show();
  rows.get(turn.id).element.querySelector('textarea').focus();
}
function editor(turn) {
  const leave = () => { editing = null; show(); document.querySelector(`[data-key="edit${turn.id}"]`)?.focus(); };
  const area = h('textarea', { 'aria-label': 'Your message', rows: Math.min(12, turn.text.split('\n').length + 1) });
  area.value = turn.text;
  const done = () => {
    if (!area.value.trim()) return;
    editing = null;
    answer(open, add(open, 'user', turn.parent, area.value).id);
    $('prompt').focus();
  };
  area.addEventListener('keydown', event => {
    if (event.key === 'Escape') { event.stopPropagation(); leave(); }
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); done(); }
  });
  return h('div', { class: 'edit' }, area,
    h('div', { class: 'row' }, button('Cancel', 'cancel', leave), button('Send', 'resend', done, { class: 'main' })));
}
const stop = () => runs.get(open.id)?.controller.abort();
