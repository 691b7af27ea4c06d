// The page itself, in a browser: names of controls, keys, links, points, narrow screens, a lost device.

import assert from 'node:assert/strict';
import test, { after, afterEach, before } from 'node:test';
import { launch, serve } from './browser.mjs';

let browser;
let server;
before(async () => {
  server = await serve();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  server?.close();
});

/** What the pages of a test said on their consoles; errors fail it. */
let errors = [];
afterEach(async () => {
  const said = errors;
  errors = [];
  for (const context of browser.contexts()) await context.close();
  assert.deepEqual(said, []);
});

/** Opens a page of the site, with all that it asks for. */
async function open(path, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const requests = [];
  page.on('request', request => requests.push(request.url()));
  page.on('console', message => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', error => errors.push(String(error)));
  await page.goto(`${server.url}/${path}`);
  return { page, requests };
}

/** What the run says of itself. */
const progress = page => page.evaluate(() => wgradPage.store.state.progress);
const settled = (page, condition, argument) => page.waitForFunction(condition, argument, { timeout: 30_000 });
const ready = page => settled(page, () => globalThis.wgradPage?.store.state.phase === 'ready');
const rows = page => page.evaluate(() => wgradPage.session.live.data.rows);

test('every control has a name, in every panel', async () => {
  const { page } = await open('#data=moons&validation=0.2');
  await ready(page);
  for (const tab of ['odds', 'map', 'explain', 'export']) {
    await page.click(`#tab-${tab}`);
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll('button, a, input, select, textarea, [role=img], [role=tab], [tabindex]')]
        .filter(element => {
          const labels = [...(element.labels ?? [])].map(label => label.textContent.trim()).join('');
          const own = element.matches('input, select, textarea') ? '' : element.textContent.trim();
          return !(element.getAttribute('aria-label') || element.getAttribute('aria-labelledby') || labels || own);
        })
        .map(element => element.outerHTML.slice(0, 100)),
    );
    assert.deepEqual(nameless, []);
  }
});

test('a link restores the settings, and unknown ones are named', async () => {
  const { page } = await open('#data=circles&layers=2,6,1&activation=tanh&lr=0.1&seed=4&optimiser=adam');
  await ready(page);
  assert.match(await page.textContent('#message'), /optimiser/);
  assert.deepEqual(await page.evaluate(() => wgradPage.store.state.info.layers), [2, 6, 1]);
  await page.selectOption('#set-optimizer', 'adam');
  await settled(page, () => wgradPage.store.state.resolved.optimizer === 'adam' && wgradPage.store.state.phase === 'ready');
  await page.click('#step');
  await settled(page, () => wgradPage.store.state.progress?.step === 1);
  const first = await progress(page);
  const { page: other } = await open(new URL(page.url()).hash);
  await ready(other);
  await other.click('#step');
  await settled(other, () => wgradPage.store.state.progress?.step === 1);
  assert.equal((await progress(other)).loss, first.loss);
});

test('a setting that has its default is not in the link', async () => {
  const { page } = await open('#lr=0.25');
  await ready(page);
  await page.selectOption('#set-activation', 'relu');
  await page.fill('#set-lr', '0.125');
  await settled(page, () => location.hash === '#lr=0.125');
});

test('points are added, dragged and removed, while it trains and by keyboard', async () => {
  const { page } = await open('#data=xor&activation=tanh');
  await ready(page);
  await page.click('label[for=tool-class-1]');
  const box = await page.locator('.plane').boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.click('#run');
  await settled(page, () => wgradPage.store.state.progress?.step > 3);
  await page.mouse.click(x, y);
  await settled(page, () => wgradPage.session.live.data.rows === 5);
  assert.match(page.url(), /#points=/);
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 60, y - 40, { steps: 6 });
  await page.mouse.up();
  await settled(page, () => {
    const { points } = wgradPage.store.state.source;
    return points.length === 5 && points[4].x > 0.6 && points[4].y > 0.55;
  });
  await page.click('label[for=tool-remove]');
  await page.mouse.click(x + 60, y - 40);
  await settled(page, () => wgradPage.store.state.source.points.length === 4 && wgradPage.session.live.data.rows === 4);
  await page.focus('.plane');
  for (const key of ['ArrowRight', 'ArrowRight', 'ArrowUp', '1', 'Enter']) await page.keyboard.press(key);
  await settled(page, () => wgradPage.session.live.data.rows === 5);
  await page.keyboard.press('Delete');
  await settled(page, () => wgradPage.session.live.data.rows === 4);
});

test('a table is pasted', async () => {
  const { page } = await open('');
  await ready(page);
  await page.click('label[for="data-:csv"]');
  await page.fill('#csv', 'a,b,kind\n0,0,red\n1,1,red\n0,1,blue\n1,0,green\n0,0.9,blue\n0.9,0,green\n');
  await page.getByText('Use this table').click();
  await settled(page, () => /^6 rows .* blue, green, red/.test(document.querySelector('#rows').textContent));
  await page.reload();
  await ready(page);
  assert.equal(await rows(page), 6);
});

test('an error stands beside its setting, and goes when it is mended', async () => {
  const { page } = await open('');
  await ready(page);
  await page.fill('#set-lr', '-1');
  await page.waitForSelector('#set-lr-error:not([hidden])');
  assert.ok(await page.isDisabled('#run'));
  await page.fill('#set-lr', '0.3');
  await settled(page, () => wgradPage.store.state.problem === null && wgradPage.store.state.phase === 'ready');
  assert.ok(await page.isEnabled('#run'));
});

test('a fix of the doctor is a button that sets it', async () => {
  const { page } = await open('#lr=1e-7&epochs=200');
  await ready(page);
  await page.keyboard.press('r');
  const button = page.getByRole('button', { name: /^Try lr / }).first();
  const rate = (await button.textContent()).split(' ')[2];
  await button.click();
  await settled(page, lr => wgradPage.store.state.resolved.lr === lr && location.hash.includes(`lr=${lr}`), rate);
  assert.ok(Number(rate) > 1e-7);
});

test('keys run, pause, step and restart; arrows go through the network', async () => {
  const { page } = await open('#data=moons');
  await ready(page);
  await page.keyboard.press('s');
  await settled(page, () => wgradPage.store.state.progress?.step === 1);
  await page.keyboard.press('r');
  await settled(page, () => wgradPage.store.state.phase === 'running' && wgradPage.store.state.progress.step > 1);
  await page.keyboard.press('r');
  await settled(page, () => wgradPage.store.state.phase === 'ready');
  await page.focus('#unit-0-0');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'unit-1-0');
  assert.match(await page.textContent('#network-reading'), /layer 1, unit 1/);
  assert.match(await page.textContent('#output-title'), /Layer 1, unit 1/);
  await page.keyboard.press('Shift+R');
  await settled(page, () => wgradPage.store.state.phase === 'ready' && wgradPage.store.state.progress === null);
});

for (const path of ['', 'check.html']) {
  test(`at 360 pixels /${path} has one column and no sideways scrolling`, async () => {
    const { page } = await open(path || '#data=spirals', { viewport: { width: 360, height: 740 } });
    if (!path) await ready(page);
    await page.waitForTimeout(300);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  });
}

test('nothing is asked of another host', async () => {
  const { page, requests } = await open('#data=xor');
  await ready(page);
  assert.deepEqual(
    requests.filter(url => !url.startsWith(`${server.url}/`) && !url.startsWith('data:') && !url.startsWith('blob:')),
    [],
  );
});

test('a lost device is replaced, and the run goes on', async () => {
  const { page } = await open('#data=moons');
  await ready(page);
  await page.click('#run');
  await settled(page, () => wgradPage.session.kept?.step > 0);
  await page.evaluate(() => {
    wgradPage.session.device.lose();
  });
  await settled(page, () => /goes on from step/.test(document.querySelector('#message').textContent));
  const at = (await progress(page)).step;
  await settled(page, step => wgradPage.store.state.progress.step > step, at);
});

test('odds and the map count the starts that solve it', async () => {
  const { page } = await open('#activation=tanh');
  await ready(page);
  await page.selectOption('#odds-starts', '64');
  await page.click('#odds-start');
  await page.waitForSelector('.odds-result .big');
  assert.match(await page.textContent('.odds-result'), /of 64 starts solve it.*95 % interval/);
  await page.click('#tab-map');
  await page.fill('#map-rates', '0.5,1');
  await page.fill('#map-widths', '2,4');
  await page.selectOption('#map-starts', '64');
  await page.click('#panel-map .primary');
  await page.waitForSelector('.heat');
  const shares = await page.$$eval('.heat tbody button', cells => cells.map(cell => Number(cell.textContent)));
  assert.equal(shares.length, 4);
  assert.ok(shares[2] > shares[0], `four units solve it more often than two: ${shares}`);
  await page.focus('.heat tbody button');
  await page.keyboard.press('ArrowDown');
  assert.equal(
    await page.evaluate(() => document.activeElement.getAttribute('aria-label').startsWith('rate 0.5, width 4')),
    true,
  );
  await page.keyboard.press('Enter');
  await settled(page, () => wgradPage.store.state.info.layers.join() === '2,4,1');
});

test('the next step is shown in numbers, with its kernels', async () => {
  const { page } = await open('');
  await ready(page);
  await page.click('#tab-explain');
  await page.waitForSelector('.stage-numbers');
  const text = await page.textContent('#panel-explain');
  assert.match(text, /All numbers are within their bounds of the reference/);
  assert.match(text, /X · W1 \+ b1.*by matmul/);
  assert.match(text, /differences/);
});

test('settings go out as a file and come back', async () => {
  const { page } = await open('#data=moons&optimizer=adam&lr=0.02&seed=7');
  await ready(page);
  await page.click('#tab-export');
  const toml = await page.inputValue('#export-toml');
  assert.match(toml, /data = "moons"/);
  assert.match(await page.inputValue('#export-command'), /^wgrad train .*--optimizer adam/);
  await page.goto(`${server.url}/#data=xor`);
  await settled(page, () => wgradPage.store.state.resolved.data === 'xor');
  await page.fill('#import-toml', toml);
  await page.getByText('Use it').click();
  await settled(page, () => wgradPage.store.state.resolved.data === 'moons' && wgradPage.store.state.phase === 'ready');
  assert.match(page.url(), /optimizer=adam.*lr=0.02|lr=0.02.*optimizer=adam/);
  await page.fill('#import-toml', 'learning = 3');
  await page.getByText('Use it').click();
  await page.waitForSelector('#panel-export [role=alert]:not([hidden])');
});

test('the check page compares a kernel, and writes a report', async () => {
  const { page } = await open('check.html');
  await settled(page, () => !document.querySelector('#check-run').disabled);
  await page.fill('#check-filter', 'bias');
  await page.click('#check-run');
  await page.waitForSelector('#check-verdict:not([hidden])', { timeout: 60_000 });
  assert.match(await page.textContent('#check-verdict'), /^passed: 2 checks, /);
  assert.match(await page.textContent('#check-table'), /bias_add/);
  assert.match(await page.inputValue('#check-text'), /adapter: [^]*browser: /);
});
