// Small things.
const $ = id => document.getElementById(id);
const PREFIX = 'tessera.conversation.', SETTINGS = 'tessera.settings', KEY = 'tessera.key';
const MOST_KEPT = 200, MOST_IMPORTED = 16 << 20, DEEPEST = 8;

/** An element. Text goes in as text nodes only: no markup is ever parsed. */
function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}
const button = (text, key, onclick, more = {}) => h('button', { type: 'button', 'data-key': key, onclick, ...more }, text);
const newID = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), byte => byte.toString(16).padStart(2, '0')).join('');
const announce = text => $('live').replaceChildren(h('p', {}, text.slice(0, 4000)));

let noticeTimer;
function notice(text, action, act) {
  clearTimeout(noticeTimer);
  const done = () => { $('notice').hidden = true; };
  $('notice').replaceChildren(text, ' ', action ? button(action, 'undo', () => { done(); act(); }) : button('Close', 'close', done));
  $('notice').hidden = false;
  noticeTimer = setTimeout(done, 12000);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages that did not come by HTTPS or from this machine have no clipboard of their own.
    const area = h('textarea', { class: 'unseen' });
    document.body.append(area);
    area.value = text;
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  notice('Copied.');
}
