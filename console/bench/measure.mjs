// Measures the console of a server that holds many users: how long until its first page can be used, with nothing kept
// from before, and the longest pause while its table of users is scrolled. Run by `bench/run`, which prints the result.
//
//   node bench/measure.mjs ADDRESS COOKIE ENVIRONMENT SECONDS
//
// Prints one line of JSON. Every figure is taken inside the page; this program only moves the wheel.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [address, cookie, environment, seconds] = process.argv.slice(2);
const WHEEL_PX = 1_400;
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? PLACES.find(existsSync),
  args: ['--no-sandbox', '--disable-gpu'],
});

async function visit(path) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const [name, value] = cookie.split('=');
  await context.addCookies([{ name, value, url: address }]);
  const page = await context.newPage();
  await page.goto(`${address}${path}?environment=${environment}`);
  return { context, page };
}

/** From the start of the navigation until the page shows its content and answers. */
async function interactive(path, content) {
  const { context, page } = await visit(path);
  await page.waitForSelector(content);
  const at = await page.evaluate(
    () =>
      new Promise((resolve) => {
        // What is shown is painted, and the thread has nothing left to do before it takes the next event.
        requestAnimationFrame(() =>
          requestAnimationFrame(() => setTimeout(() => resolve(performance.now()))),
        );
      }),
  );
  await context.close();
  return at / 1000;
}

/** The longest time between two frames while the table is scrolled, and how many rows it has read by then. */
async function scrolled() {
  const { context, page } = await visit('/users');
  await page.waitForSelector('tbody tr[aria-rowindex]');
  await page.mouse.move(700, 500);
  await page.evaluate(() => {
    const seen = { longest: 0, frames: 0, before: performance.now() };
    window.seen = seen;
    const frame = (now) => {
      seen.longest = Math.max(seen.longest, now - seen.before);
      seen.before = now;
      seen.frames += 1;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const end = Date.now() + Number(seconds) * 1000;
  while (Date.now() < end) await page.mouse.wheel(0, WHEEL_PX);
  const { longest, frames } = await page.evaluate(() => window.seen);
  const rows = await page.evaluate(() =>
    Math.max(
      ...[...document.querySelectorAll('tr[aria-rowindex]')].map((row) =>
        Number(row.getAttribute('aria-rowindex')),
      ),
    ),
  );
  await context.close();
  return { pause_ms: longest, frames, rows };
}

// The first visit starts the browser's own processes; only the second counts.
await interactive('/', 'main h1');
const result = {
  home_s: await interactive('/', 'main [data-balanced]'),
  users_s: await interactive('/users', 'tbody tr[aria-rowindex]'),
  ...(await scrolled()),
};
await browser.close();
process.stdout.write(`${JSON.stringify(result)}\n`);
