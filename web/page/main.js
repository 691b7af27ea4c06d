// The page: loads the library, makes the state, the run and the views, and connects them.

import { load } from './wgrad.js';
import { createStore, initial } from './store.js';
import { Session } from './session.js';
import { Player } from './player.js';
import { createActions } from './actions.js';
import { byId, h, setText } from './dom.js';
import { startTheme } from './theme.js';
import { controls } from './views/controls.js';
import { dataView } from './views/data.js';
import { settingsView } from './views/settings.js';
import { networkView } from './views/network.js';
import { outputView } from './views/output.js';
import { curvesView } from './views/curves.js';
import { hiddenView } from './views/hidden.js';
import { findingsView } from './views/findings.js';
import { oddsView } from './views/odds.js';
import { mapView } from './views/map.js';
import { explainView } from './views/explain.js';
import { exportView } from './views/export.js';
import { tabs } from './views/tabs.js';
import { startHelp } from './views/help.js';

/**
 * What every view gets.
 * @typedef {{
 *   wgrad: any, schema: any[], store: import('./store.js').Store, session: Session,
 *   actions: import('./actions.js').Actions, colours: () => import('./draw/colours.js').Palette,
 * }} Page
 */

async function start() {
  const store = createStore(initial());
  const colours = startTheme(store);
  const wgrad = await load();
  setText(byId('version'), wgrad.version);
  const session = new Session(wgrad, store);
  const player = new Player(session, store);
  const actions = createActions(wgrad, store, session, player);
  /** @type {Page} */
  const page = { wgrad, schema: wgrad.schema(), store, session, actions, colours };

  await session.open(new URLSearchParams(location.search).get('device') === 'cpu' ? 'cpu' : 'webgpu');
  const open = tabs(byId('tabs'));
  for (const view of [
    controls,
    dataView,
    settingsView,
    networkView,
    outputView,
    curvesView,
    hiddenView,
    findingsView,
    oddsView,
    mapView,
    exportView,
  ])
    view(page);
  explainView(page, open);
  startHelp(page);
  addEventListener('hashchange', () => actions.readLink());
  await actions.readLink();
  Object.assign(globalThis, { wgradPage: page }); // for the console, and for tests
}

start().catch(error => {
  const message = byId('message');
  message.hidden = false;
  message.className = 'message error';
  message.replaceChildren(h('strong', {}, 'The page could not start. '), String(error?.message ?? error));
  setText(byId('engine'), 'not started');
});
