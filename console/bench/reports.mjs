// Measures the console's builders on a server that holds the bench's history: from the choice of another event in a question
// until the answer to it is painted. Run by `bench/run`, which prints the result.
//
//   node bench/reports.mjs ADDRESS COOKIE ENVIRONMENT ROUNDS
//
// Prints one line of JSON: milliseconds of each round by what was asked. Every question is a new one, so nothing comes out of
// what the page has kept.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [address, cookie, environment, rounds] = process.argv.slice(2);
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** An answer counts as painted once nothing has changed for so long. */
const QUIET_MS = 400;
const SPAN = { from: '2026-01-01', to: '2026-06-30' };
const event = (number) => ({ event: `event ${number}` });

const asked = (kind, question) =>
  `/reports/${kind}?question=${encodeURIComponent(JSON.stringify({ ...question, ...SPAN }))}`;

/** What is opened, the field that is changed then, and the call that answers. */
const BUILDERS = {
  trend: {
    path: asked('trend', {
      series: [{ ...event(1), measure: 'unique_users' }],
      interval: 'day',
      breakdown: { user: 'country' },
    }),
    field: 'Series A: event',
    call: '/v1/reports/trend',
  },
  funnel: {
    path: asked('funnel', { steps: [event(1), event(2), event(3)], window: { days: 7 } }),
    field: 'Step 3: event',
    call: '/v1/reports/funnel',
  },
  retention: {
    path: asked('retention', { start: event(1), returning: event(3), each: 'week', periods: 12 }),
    field: 'Return: event',
    call: '/v1/reports/retention',
  },
  path: {
    path: asked('path', { anchor: event(3), levels: 4, window: { days: 1 } }),
    field: 'Event: event',
    call: '/v1/reports/path',
  },
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? PLACES.find(existsSync),
  args: ['--no-sandbox', '--disable-gpu'],
});

/** Notes when a field was changed, and when the page was last painted anew since. */
function watch() {
  window.seen = { chosen: 0, painted: 0 };
  document.addEventListener(
    'change',
    () => {
      window.seen = { chosen: performance.now(), painted: 0 };
    },
    true,
  );
  new MutationObserver((changes) => {
    const main = document.querySelector('main');
    if (!changes.some(({ target }) => main?.contains(target))) return;
    const seen = window.seen;
    // The frame behind the one that draws this change begins once that one is painted.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        seen.painted = performance.now();
      }),
    );
  }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
}

async function measure({ path, field, call }) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const [name, value] = cookie.split('=');
  await context.addCookies([{ name, value, url: address }]);
  const page = await context.newPage();
  await page.addInitScript(watch);
  const answered = () => page.waitForResponse((response) => new URL(response.url()).pathname === call);
  const first = answered();
  await page.goto(`${address}${path}&environment=${environment}`);
  await (await first).finished();
  const select = page.getByLabel(field, { exact: true });
  await select.locator('option', { hasText: 'event 11' }).waitFor({ state: 'attached' });
  await page.waitForTimeout(QUIET_MS);
  const times = [];
  for (let number = 0; number < Number(rounds); number += 1) {
    const answer = answered();
    await select.selectOption({ label: `event ${number + 4}` });
    const response = await answer;
    if (response.status() !== 200)
      throw new Error(`${call} answers ${response.status()}: ${await response.text()}`);
    await response.finished();
    await page.waitForFunction(
      (quiet) => window.seen.painted > window.seen.chosen && performance.now() - window.seen.painted > quiet,
      QUIET_MS,
    );
    const empty = await page.getByText(/Nobody did this|could not be|cannot be read/).count();
    if (empty > 0) throw new Error(`${call} shows no answer to round ${number + 1}`);
    times.push(await page.evaluate(() => window.seen.painted - window.seen.chosen));
  }
  await context.close();
  return times;
}

const result = {};
for (const [name, builder] of Object.entries(BUILDERS)) {
  // The first visit starts the browser's own processes and fetches what charts are drawn with.
  result[name] = await measure(builder);
}
await browser.close();
process.stdout.write(`${JSON.stringify(result)}\n`);
