// Light and dark: as the system says, until somebody chooses; kept in this browser.

import { byId } from './dom.js';
import { palette } from './draw/colours.js';

const KEY = 'wgrad-theme';
const NEXT = /** @type {const} */ ({ auto: 'light', light: 'dark', dark: 'auto' });
const NAMES = { auto: '◐ auto', light: '☀ light', dark: '☾ dark' };

/**
 * @param {import('./store.js').Store} store
 * @returns {() => import('./draw/colours.js').Palette} the colours of the moment
 */
export function startTheme(store) {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => store.state.theme === 'dark' || (store.state.theme === 'auto' && system.matches);
  const button = byId('theme');
  let kept = null;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    /* storage is switched off: the theme isn't kept */
  }
  store.set({ theme: kept === 'light' || kept === 'dark' ? kept : 'auto' });
  button.addEventListener('click', () => {
    const theme = NEXT[store.state.theme];
    store.set({ theme });
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      /* as above */
    }
  });
  const apply = () => {
    document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
    button.textContent = NAMES[store.state.theme];
    button.setAttribute('aria-label', `Theme: ${store.state.theme}`);
  };
  store.on(['theme'], apply);
  system.addEventListener('change', () => {
    apply();
    const { theme } = store.state;
    store.set({ theme: theme === 'auto' ? 'dark' : theme }); // whoever draws listens to the theme
    store.set({ theme });
  });
  return () => palette(isDark());
}
