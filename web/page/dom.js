// Making elements, and saying things aloud. Nothing here knows what the page is about.

/** What is set as a property: as attributes these would be first values only. */
const PROPERTIES = ['value', 'checked', 'disabled', 'hidden'];

/**
 * An element: `h('button', { type: 'button', class: 'x', onclick: f, 'aria-label': 'y' }, 'text', child)`.
 * Properties that begin with `on` are listeners; `null`, `undefined` and `false` leave an attribute out.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (PROPERTIES.includes(name)) /** @type {any} */ (element)[name] = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/** The element with an id. @param {string} id @returns {any} */
export const byId = id => {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
};

/** @param {Element} element @param {...(Node | string | null | undefined | false)} children */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter(child => child !== null && child !== undefined && child !== false));
}

/**
 * Sets a text only where it changed, so that a screen reader isn't told of what stayed.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A table behind a picture, made when it is opened: its rows would be stale, or cost time, before.
 * @param {string} title
 * @param {() => { head: string[], rows: (string | number)[][], caption?: string }} make
 */
export function tableBehind(title, make) {
  const body = h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': title });
  const show = () => {
    if (details.open) fill(body, table(make()));
  };
  const details = h('details', { class: 'behind', ontoggle: show }, h('summary', {}, title), body);
  return { element: details, refresh: show };
}

/** @param {{ head: string[], rows: (string | number)[][], caption?: string }} data */
export function table({ head, rows, caption }) {
  return h(
    'table',
    {},
    caption && h('caption', {}, caption),
    h('thead', {}, h('tr', {}, ...head.map(text => h('th', { scope: 'col' }, text)))),
    h(
      'tbody',
      {},
      ...rows.map(row =>
        h('tr', {}, ...row.map((text, at) => (at === 0 ? h('th', { scope: 'row' }, String(text)) : h('td', {}, String(text))))),
      ),
    ),
  );
}

/**
 * Copies a text and says so on the button.
 * @param {string} text @param {HTMLButtonElement} button
 */
export async function copy(text, button) {
  const label = button.dataset.label ?? (button.dataset.label = button.textContent ?? '');
  let said = 'Copied';
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without the permission, or without https: the old way still works on a click.
    const area = h('textarea', { class: 'unseen', 'aria-hidden': 'true', tabindex: -1 }, text);
    document.body.append(area);
    area.select();
    if (!document.execCommand('copy')) said = 'Not copied';
    area.remove();
    button.focus();
  }
  button.textContent = said;
  setTimeout(() => {
    button.textContent = label;
  }, 1500);
}

/** Offers a text as a file. @param {string} name @param {string} text */
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  h('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
