// The page's controls.
function drawer(shown) {
  document.body.classList.toggle('drawer', shown);
  $('menu').setAttribute('aria-expanded', String(shown));
  if (shown) $('new').focus();
}
function setPrompt(text) {
  $('prompt').value = text;
  fit();
}
function fit() {
  $('prompt').style.height = 'auto';
  $('prompt').style.height = `${$('prompt').scrollHeight}px`;
}
function showSettings() {
  const form = $('settings-form');
  for (const name of ['system', 'temperature', 'top_p', 'max_tokens', 'seed']) form.elements[name].value = settings[name];
  form.elements.key.value = tab.get(KEY) ?? '';
  $('settings-dialog').showModal();
}
async function loadModels() {
  try {
    const response = await fetch('/v1/models', { headers: headers() });
    if (!response.ok) {
      const text = await refusal(response);
      return response.status === 401 ? notice(text, 'Settings', showSettings) : notice(text, 'Retry', loadModels);
    }
    // A server may say what its models are for; vectors make no conversation.
    const writes = ({ meta }) => !Array.isArray(meta?.uses) || meta.uses.includes('complete texts');
    const names = (await response.json()).data.filter(writes).map(model => String(model.id));
    if (!names.includes(settings.model)) settings.model = names[0] ?? '';
    $('model').replaceChildren(...names.map(name => h('option', { value: name, selected: name === settings.model }, name)));
  } catch {
    notice('The server cannot be reached.', 'Retry', loadModels);
  }
}

$('composer').addEventListener('submit', event => {
  event.preventDefault();
  if (runs.has(open.id)) return stop();
  const text = $('prompt').value;
  if (!text.trim()) return;
  setPrompt('');
  send(text);
});
$('prompt').addEventListener('input', fit);
$('prompt').addEventListener('keydown', event => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!runs.has(open.id)) $('composer').requestSubmit();
});
$('scroll').addEventListener('scroll', () => { if (stuck()) $('newest').hidden = true; }, { passive: true });
$('newest').addEventListener('click', toEnd);
$('new').addEventListener('click', fresh);
$('menu').addEventListener('click', () => drawer(!document.body.classList.contains('drawer')));
$('veil').addEventListener('click', () => drawer(false));
$('export').addEventListener('click', exportAll);
$('import').addEventListener('click', () => $('file').click());
$('file').addEventListener('change', () => { if ($('file').files[0]) importFile($('file').files[0]); $('file').value = ''; });
$('keys').addEventListener('click', () => $('keys-dialog').showModal());
$('settings').addEventListener('click', showSettings);
for (const each of document.querySelectorAll('[data-close]')) each.addEventListener('click', () => each.closest('dialog').close());
$('settings-form').addEventListener('submit', () => {
  const { key, ...fields } = Object.fromEntries(new FormData($('settings-form')));
  Object.assign(settings, fields);
  tab.set(KEY, key);
  write(SETTINGS, JSON.stringify(settings));
  loadModels();
});
$('model').addEventListener('change', () => {
  settings.model = $('model').value;
  write(SETTINGS, JSON.stringify(settings));
});
document.addEventListener('keydown', event => {
  if (document.querySelector('dialog[open]')) return;
  const writing = event.target.matches?.('input, textarea, select'), last = path(open);
  const act = event.altKey && !event.ctrlKey && !event.metaKey ? {
    KeyN: fresh,
    KeyL: () => { drawer(true); ($('list').querySelector('button') ?? $('new')).focus(); },
    KeyE: () => { const turn = last.findLast(each => each.role === 'user'); if (turn) edit(turn); },
    KeyR: () => { const turn = last.at(-1); if (turn?.role === 'assistant') again(turn); },
    KeyS: showSettings,
  }[event.code] : event.key === 'Escape' ? () => {
    if (document.body.classList.contains('drawer')) { drawer(false); $('menu').focus(); } else stop();
  } : writing ? null : { '/': () => $('prompt').focus(), '?': () => $('keys-dialog').showModal() }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
// Another tab of this page may have changed what is kept.
window.addEventListener('storage', event => {
  const id = event.key?.startsWith(PREFIX) ? event.key.slice(PREFIX.length) : null;
  if (!id || runs.has(id)) return;
  if (event.newValue === null) conversations.delete(id); else readOne(event.key, event.newValue);
  if (open.id === id && conversations.has(id) && !editing) go(conversations.get(id)); else showList();
});
window.addEventListener('pagehide', () => { for (const id of runs.keys()) if (conversations.has(id)) keep(conversations.get(id)); });

read();
go(conversations.get(tab.get('tessera.open')) ?? start());
loadModels();
fit();
