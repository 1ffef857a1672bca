// Conversations.
function go(conversation) {
  open = conversation;
  editing = null;
  show();
  showList();
  toEnd();
  tab.set('tessera.open', conversation.id);
}
function fresh() {
  go(start());
  drawer(false);
  $('prompt').focus();
}
function rename(conversation, item) {
  const field = h('input', { 'aria-label': 'Name of the conversation', maxlength: '200' });
  field.value = conversation.title;
  let left = false;
  const leave = keeping => {
    if (left) return;
    left = true;
    if (keeping && field.value.trim()) conversation.title = field.value.trim();
    keep(conversation, false);
    showList();
    if (conversation === open) document.title = `${open.title} – Tessera`;
    document.querySelector(`[data-key="open${conversation.id}"]`)?.focus();
  };
  field.addEventListener('keydown', event => {
    if (event.key === 'Enter') leave(true);
    if (event.key === 'Escape') { event.stopPropagation(); leave(false); }
  });
  field.addEventListener('blur', () => leave(true));
  item.replaceChildren(field);
  field.select();
}
function remove(conversation) {
  forget(conversation);
  if (conversation === open) go(start()); else showList();
  notice(`“${conversation.title.slice(0, 40)}” was deleted.`, 'Undo', () => {
    conversations.set(conversation.id, conversation);
    keep(conversation, false);
    go(conversation);
  });
  $('new').focus();
}
function exportAll() {
  const text = JSON.stringify({ format: 'tessera-conversations', version: 1, conversations: byUse() }, null, 1);
  const address = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  h('a', { href: address, download: `tessera-conversations-${new Date().toISOString().slice(0, 10)}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
async function importFile(file) {
  try {
    if (file.size > MOST_IMPORTED) throw new Error('it is larger than 16 MiB');
    const value = JSON.parse(await file.text());
    if (value?.format !== 'tessera-conversations' || !Array.isArray(value.conversations)) throw new Error('it was not exported from this page');
    const found = value.conversations.slice(0, MOST_KEPT).map(checked).filter(Boolean);
    for (const conversation of found) {
      conversations.set(conversation.id, conversation);
      keep(conversation, false);
    }
    showList();
    notice(`${found.length} of ${value.conversations.length} conversations were read.`);
  } catch (error) {
    notice(`The file cannot be read: ${error.message}.`);
  }
}
