// The playground in a browser, beside the command: what they compute of the same settings agrees.

import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { launch, root, serve } from './browser.mjs';

const XOR = { data: 'xor', layers: '2,3,1', seed: '5' };
const CIRCLES = { data: 'circles-100', layers: '2,8,8,1', activation: 'tanh', optimizer: 'adam', batch: '16', seed: '3' };

let server, browser, folder;
const complaints = [];

before(async () => {
  server = await serve();
  browser = await launch();
  folder = mkdtempSync(join(tmpdir(), 'wgrad-web-'));
});

after(async () => {
  await browser?.close();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** An empty page with the module as `wgrad`, and a device of it. */
async function open(path = '/blank', { of = browser, kind = 'webgpu' } = {}) {
  const page = await of.newPage();
  page.on('console', line => line.type() === 'error' && complaints.push(line.text()));
  page.on('pageerror', error => complaints.push(error.message));
  await page.goto(server.url + path);
  if (path === '/blank') {
    await page.evaluate(async kind => {
      const { load } = await import('/wgrad.js');
      globalThis.wgrad = await load();
      globalThis.device = await wgrad.open(kind);
    }, kind);
  }
  return page;
}

/** What the command says in JSON lines. */
function wgrad(...words) {
  const binary = process.env.WGRAD ?? resolve(root, process.env.CARGO_TARGET_DIR ?? 'target', 'debug/wgrad');
  const text = execFileSync(binary, [...words, '--json'], { encoding: 'utf8', maxBuffer: 1 << 28 });
  return text.trim().split('\n').map(line => JSON.parse(line));
}

function exported(name, text) {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

test('XOR learns on WebGPU, in a network that opens with nothing beyond the default limits', async () => {
  const page = await open();
  const end = await page.evaluate(async settings => {
    const run = await wgrad.start(device, settings);
    const end = await run.advance(run.info.steps);
    return { ...end, losses: end.losses.length, engine: device.engine, kind: run.info.engine };
  }, XOR);
  assert.equal(end.engine, 'webgpu');
  assert.equal(end.kind, 'resident');
  assert.equal(end.losses, 2000);
  assert.ok(end.solved && end.accuracy === 1 && end.loss < 0.01, JSON.stringify(end));
  await page.close();
});

for (const [name, settings, steps, kind] of [
  ['XOR', XOR, 30, 'resident'],
  ['circles', CIRCLES, 10, 'resident'],
  ['a wide network', { data: 'moons-80', layers: '2,64,64,1', lr: '0.05', seed: '1' }, 4, 'layered'],
]) {
  test(`${name}: losses agree with the native run of the exported settings within the bounds of check`, async () => {
    const page = await open();
    const { losses, toml, engine } = await page.evaluate(async ([settings, steps]) => {
      const run = await wgrad.start(device, settings);
      // In pieces, as a page makes them.
      const losses = [];
      for (const piece of [1, 2, steps - 3]) losses.push(...(await run.advance(piece)).losses);
      return { losses, toml: wgrad.to_toml(settings), engine: run.info.engine };
    }, [settings, steps]);
    assert.equal(engine, kind);
    const file = exported(`${name}.toml`, toml);
    const lines = wgrad('check', '--lockstep', '--config', file, '--steps', String(steps));
    const points = lines.filter(line => line.event === 'step');
    assert.equal(points.length, steps);
    assert.equal(losses.length, steps);
    // Bounds are carried from step to step: they grow as errors can grow, and say little after some dozen.
    assert.ok(points[0].loss_bound < 1e-3);
    for (const [at, { loss, reference_loss, loss_bound }] of points.entries()) {
      const bound = loss_bound ?? Infinity;
      for (const [where, own] of [['native', loss], ['browser', losses[at]]]) {
        assert.ok(Math.abs(own - reference_loss) <= bound, `step ${at + 1}, ${where}: ${own}, ${reference_loss} within ${bound}`);
      }
    }
    await page.close();
  });
}

test('the quick check passes under this browser\'s WGSL compiler', { timeout: 240_000 }, async () => {
  const page = await open();
  const report = await page.evaluate(() => wgrad.check(device));
  assert.deepEqual(report.failures, []);
  const unchecked = report.rows.filter(row => row.unchecked.length > 0).map(row => row.what);
  // A browser's default features have no timestamps.
  assert.deepEqual(unchecked.filter(what => what !== 'timestamps'), []);
  assert.ok(report.rows.length > 20 && report.rows.every(row => row.what === 'timestamps' || row.cases > 0));
  await page.close();
});

test('the odds of 4,096 starts agree with the native sweep within its error', { timeout: 120_000 }, async () => {
  const page = await open();
  const odds = await page.evaluate(async () => {
    const seen = [];
    const odds = await wgrad.odds(device, { data: 'xor', epochs: '500' }, { starts: 4096 }, now => seen.push(now));
    return { ...odds, seen: seen.length, last: seen.at(-1) };
  });
  assert.equal(odds.starts, 4096);
  assert.ok(odds.seen > 2 && odds.last.done === 4096 && odds.last.solved === odds.solved);
  const lines = wgrad('sweep', '--data', 'xor', '--layers', '2,3,1', '--epochs', '500', '--networks', '4096', '--engine', 'cpu');
  const cell = lines.find(line => line.event === 'cell');
  assert.ok(odds.low <= cell.rate && cell.rate <= odds.high, `${JSON.stringify(odds)} and ${JSON.stringify(cell)}`);
  await page.close();
});

test('a cancelled odds run ends', async () => {
  const page = await open();
  const odds = await page.evaluate(() => wgrad.odds(device, { data: 'xor' }, { starts: 4096 }, () => {}, () => true));
  assert.ok(odds.stopped && odds.starts < 4096);
  await page.close();
});

test('a lost device is told, and a run goes on from its last state on a new one', async () => {
  const page = await open();
  const { losses, other, why, error, step } = await page.evaluate(async settings => {
    const whole = await wgrad.start(device, settings);
    await whole.advance(100);
    const losses = [...(await whole.advance(50)).losses];
    const run = await wgrad.start(device, settings);
    await run.advance(100);
    const state = await run.state();
    device.lose();
    const why = await device.lost;
    const error = await run.advance(1).then(() => null, error => error.message);
    const next = await wgrad.open('webgpu');
    const again = await wgrad.start(next, settings);
    await again.restore(state);
    const { step } = await again.advance(0);
    return { losses, other: [...(await again.advance(50)).losses], why, error, step };
  }, CIRCLES);
  assert.match(why, /lost/);
  assert.match(error, /lost/);
  assert.equal(step, 100);
  assert.deepEqual(other, losses, 'the same bits as without a loss');
  await page.close();
});

test('without WebGPU the CPU trains, says so, and gives way to the page', async () => {
  const without = await launch({ webgpu: false });
  try {
    const page = await open('/blank', { of: without });
    const { note, engine, end, turns, seconds } = await page.evaluate(async settings => {
      let turns = 0;
      let runs = true;
      const turn = () => { turns += 1; if (runs) setTimeout(turn, 0); };
      turn();
      const began = performance.now();
      const run = await wgrad.start(device, settings);
      let end = await run.advance(run.info.steps);
      const odds = await wgrad.odds(device, { data: 'xor', epochs: '300' }, { starts: 1024 });
      runs = false;
      const seconds = (performance.now() - began) / 1000;
      return { note: device.note, engine: device.engine, end: { ...end, losses: 0, odds }, turns, seconds };
    }, { data: 'circles', seed: '1', epochs: '60' });
    assert.equal(engine, 'cpu');
    assert.match(note, /CPU/);
    assert.ok(end.done && end.accuracy > 0.9, JSON.stringify(end));
    assert.ok(end.odds.share > 0.2 && end.odds.share < 0.7, JSON.stringify(end.odds));
    // Half of a frame is a turn.
    assert.ok(turns > 20 * seconds, `${turns} turns in ${seconds} s`);
    await page.close();
  } finally {
    await without.close();
  }
});

test('settings: what is wrong carries its name, and exported settings are accepted by --config', async () => {
  const page = await open();
  const { bad, missing, good, toml, back, points } = await page.evaluate(async settings => ({
    bad: wgrad.check_settings({ data: 'xor', lr: 'fast' }),
    missing: await wgrad.start(device, { lr: '-1' }).then(() => null, error => [error.setting, error.message]),
    good: wgrad.check_settings(settings),
    toml: wgrad.to_toml(settings),
    back: wgrad.from_toml(wgrad.to_toml(settings)),
    points: wgrad.to_toml({}, 'points.csv'),
  }), CIRCLES);
  assert.equal(bad.ok, false);
  assert.equal(bad.setting, 'lr');
  assert.equal(missing[0], 'lr', missing[1]);
  assert.ok(good.ok && good.resolved.epochs === '500' && good.command.startsWith('wgrad train --data circles-100'));
  assert.deepEqual(back, CIRCLES);
  const result = wgrad('train', '--config', exported('circles.toml', `${toml}epochs = 2\n`), '--engine', 'cpu');
  assert.equal(result.find(line => line.event === 'result').restarts, 1);
  assert.match(points, /data = "points.csv"/);
});

test('points of a table train, and go on where they are moved', async () => {
  const page = await open();
  const rows = 'x,y,class\n0,0,no\n0,1,yes\n1,0,yes\n1,1,no\n0.5,0.5,no\n';
  const { info, data, before, after, same } = await page.evaluate(async rows => {
    const run = await wgrad.start(device, { layers: '2,4,2', lr: '0.1' }, { csv: rows });
    const info = run.info;
    const data = { ...run.data(), inputs: [...run.data().inputs], labels: [...run.data().labels] };
    await run.advance(40);
    const before = (await run.parameters()).layers[0].weights;
    await run.replace_rows({ csv: rows.replace('0.5,0.5,no', '0.4,0.6,no') });
    const same = (await run.parameters()).layers[0].weights;
    const after = await run.advance(10);
    return { info, data, before: [...before], same: [...same], after: after.step };
  }, rows);
  assert.deepEqual(info.classes, ['no', 'yes']);
  assert.deepEqual(data.labels, [0, 1, 1, 0, 0]);
  assert.ok(Math.abs(data.inputs[8] - 0.5) < 1e-6, 'in their own unit');
  assert.deepEqual(same, before);
  assert.equal(after, 50);
  await page.close();
});

test('the next step is explained, and the doctor has words', async () => {
  const page = await open();
  const { stages, pass, findings } = await page.evaluate(async () => {
    const run = await wgrad.start(device, { data: 'xor', lr: '1e-7' });
    await run.advance(run.info.steps);
    const events = await run.explain();
    return {
      stages: events.filter(event => event.event === 'stage').map(event => event.stage),
      pass: events.at(-1).pass,
      findings: await run.findings(),
    };
  });
  assert.deepEqual(stages, ['batch', 'forward', 'forward', 'loss', 'backward', 'backward', 'update']);
  assert.equal(pass, true);
  assert.equal(findings[0].kind, 'rate-too-low');
  assert.ok(findings[0].text.endsWith('.') && findings[0].fixes.length > 0);
  const { text, settings } = findings[0].fixes[0];
  assert.match(text, /^a higher --lr than .* \(--lr .*\)$/);
  assert.ok(settings[0].name === 'lr' && Number(settings[0].value) > 1e-7);
  await page.close();
});

test('nothing was complained of in the console', () => {
  assert.deepEqual(complaints, []);
});
