// Tabs by the usual keys: arrows, Home and End.

/** @param {HTMLElement} list @returns {{ current: () => string, onchange: (listener: (panel: string) => void) => void }} */
export function tabs(list) {
  const all = /** @type {HTMLElement[]} */ ([...list.querySelectorAll('[role=tab]')]);
  /** @type {((panel: string) => void)[]} */
  const listeners = [];
  let current = all[0];
  const panelOf = (/** @type {HTMLElement} */ tab) => tab.getAttribute('aria-controls') ?? '';
  const choose = (/** @type {HTMLElement} */ chosen) => {
    current = chosen;
    for (const tab of all) {
      tab.setAttribute('aria-selected', String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      const panel = document.getElementById(panelOf(tab));
      if (panel) panel.hidden = tab !== chosen;
    }
    for (const listener of listeners) listener(panelOf(chosen));
  };
  for (const [at, tab] of all.entries()) {
    tab.addEventListener('click', () => choose(tab));
    tab.addEventListener('keydown', event => {
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = all[to % all.length];
      choose(next);
      next.focus();
    });
  }
  return {
    current: () => panelOf(current),
    onchange: listener => {
      listeners.push(listener);
    },
  };
}
