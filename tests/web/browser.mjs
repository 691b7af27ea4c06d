// Chromium with WebGPU on its software adapter, and a server of web/dist for it.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const dist = join(root, 'web/dist');

const TYPES = {
  '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.svg': 'image/svg+xml',
};

/** Serves web/dist on a free port. */
export function serve() {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, 'http://host').pathname));
    const file = join(dist, path.endsWith('/') ? `${path}index.html` : path);
    try {
      const body = await readFile(file);
      response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
      response.end(body);
    } catch {
      // A page without anything: where the module is used by itself, and the icon that browsers ask for.
      const blank = path === '/blank';
      response.writeHead(blank ? 200 : path === '/favicon.ico' ? 204 : 404, { 'content-type': 'text/html' });
      response.end(blank ? '<!doctype html><title>wgrad</title>' : '');
    }
  });
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve({
    url: `http://localhost:${server.address().port}`,
    close: () => server.close(),
  })));
}

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Starts the browser, with WebGPU or without. */
export async function launch({ webgpu = true } = {}) {
  const own = process.env.CHROMIUM;
  const executablePath = own ?? BROWSERS.find(existsSync);
  const gpu = webgpu ? ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'] : ['--disable-features=WebGPU'];
  return chromium.launch({
    executablePath,
    headless: true,
    args: [
      '--headless=new', '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', ...gpu,
    ],
  });
}
