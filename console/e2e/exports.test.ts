/** Exports in the console: asked for by a form, followed, downloaded, and only by who may. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, launch, open } from './browser.ts';
import { Server } from './server.ts';

let server: Server;
let browser: Browser;
let owner: string;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  owner = await server.becomeOwner();
  const send = (path: string, body: unknown) => server.json('POST', path, { key: server.key, body });
  await send('/v1/identify', { user_id: 'u-1', metadata: { plan: 'pro' } });
  await send('/v1/track', { user_id: 'u-1', event_name: 'paid', occurred_at: '2026-01-05T12:00:00Z' });
  await send('/v1/track', { user_id: 'u-1', event_name: 'paid', occurred_at: '2026-01-06T12:00:00Z' });
  await send('/v1/track', { user_id: 'u-2', event_name: 'paid', occurred_at: '2026-01-06T13:00:00Z' });
  await send('/v1/segments', { name: 'Pro', level: 'user', text: 'plan is "pro"' });
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function as(cookie: string, run: (page: Page) => Promise<void>): Promise<void> {
  const { page, context, complaints } = await open(browser, server.address, cookie);
  await run(page);
  expect(complaints).toEqual([]);
  await context.close();
}

/** Chooses as a mouse does: on the word, which lies over the button. */
async function choose(page: Page, name: string): Promise<void> {
  await page.locator('label', { has: page.getByRole('radio', { name, exact: true }) }).click();
}

/** What the browser saves when the file is asked for. */
async function downloaded(page: Page): Promise<{ name: string; bytes: Buffer }> {
  const coming = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  const saved = await coming;
  return { name: saved.suggestedFilename(), bytes: readFileSync(await saved.path()) };
}

describe('An export', () => {
  test('is asked for, waited for and downloaded, and holds what was asked for', async () => {
    await as(owner, async (page) => {
      await page.goto('/jobs');
      await page.getByRole('navigation', { name: 'Jobs' }).getByRole('link', { name: 'Exports' }).click();
      await page.getByText('Nothing was exported yet').waitFor();
      await expectAccessible(page, 'no exports');
      await choose(page, 'CSV');
      await page.getByLabel('From').fill('2026-01-06');
      await page.getByLabel('To, with that day').fill('2026-01-06');
      await page.getByLabel('Kind of event').selectOption('track');
      await page.getByLabel('Members of').selectOption({ label: 'Pro' });
      await page.getByRole('button', { name: 'Export', exact: true }).click();
      await page.getByRole('heading', { name: 'Events as CSV' }).waitFor();
      await page
        .getByText('from 2026-01-06, before 2026-01-07, tracked events, of the segment Pro')
        .waitFor();
      await page.getByRole('list', { name: 'Files' }).waitFor();
      await expectAccessible(page, 'an export');
      const { name, bytes } = await downloaded(page);
      expect(name).toBe('events-00001.csv.gz');
      const [header, ...rows] = gunzipSync(bytes).toString('utf8').trimEnd().split('\r\n');
      expect(header).toMatch(/^app_token,event_type,event_name,user_id,/);
      expect(rows.map((row) => row.split(',').slice(1, 4))).toEqual([['track', 'paid', 'u-1']]);
    });
  });

  test('of users is as they are now, and stands in the list', async () => {
    await as(owner, async (page) => {
      await page.goto('/jobs/exports');
      await choose(page, 'Users');
      expect(await page.getByLabel('From').count()).toBe(0);
      await page.getByRole('button', { name: 'Export', exact: true }).click();
      await page.getByRole('heading', { name: 'Users as NDJSON' }).waitFor();
      const { bytes } = await downloaded(page);
      const rows = gunzipSync(bytes).toString('utf8').trimEnd().split('\n');
      expect(rows.map((row) => (JSON.parse(row) as { user_id: string }).user_id)).toEqual(['u-1', 'u-2']);
      await page.keyboard.press('Escape');
      await page.waitForURL(/\/jobs\/exports/);
      await page.getByRole('link', { name: 'Events as CSV' }).waitFor();
      await expectAccessible(page, 'the list of exports');
      await page.goto('/jobs/exports/nobody');
      await page.getByText('There is no such export').waitFor();
    });
  });

  test('is for admins and owners, and the audit tells of it', async () => {
    for (const role of ['viewer', 'analyst'] as const) {
      const cookie = await server.join(owner, role, `${role} of it`);
      await as(cookie, async (page) => {
        await page.goto('/jobs/exports');
        await page.getByText('Exports are made by admins and owners').waitFor();
        expect(await page.getByRole('button', { name: 'Export', exact: true }).count()).toBe(0);
      });
    }
    await as(owner, async (page) => {
      await page.goto('/settings/audit');
      await page.getByText('started an export of events as csv').waitFor();
    });
  });
});
