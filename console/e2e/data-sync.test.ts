/** Data sync in the console: without a place for files, chosen by schedule, asked for by days, and only by who may. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, launch, open } from './browser.ts';
import { Server } from './server.ts';

let into: string;
let server: Server;
let browser: Browser;
let owner: string;

beforeAll(async () => {
  into = mkdtempSync(join(tmpdir(), 'muster-synced-'));
  [server, browser] = await Promise.all([Server.start({ MUSTER_SYNC__DESTINATION: into }), launch()]);
  owner = await server.becomeOwner();
  const paid = { user_id: 'u-1', event_name: 'paid', occurred_at: '2026-01-05T12:00:00Z' };
  await server.json('POST', '/v1/track', { key: server.key, body: paid });
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(into, { recursive: true, force: true });
});

async function as(address: string, cookie: string, run: (page: Page) => Promise<void>): Promise<void> {
  const { page, context, complaints } = await open(browser, address, cookie);
  await run(page);
  expect(complaints).toEqual([]);
  await context.close();
}

describe('Data sync', () => {
  test('writes the days that are asked for, and each day once it is switched on', async () => {
    await as(server.address, owner, async (page) => {
      await page.goto('/jobs');
      await page.getByRole('navigation', { name: 'Jobs' }).getByRole('link', { name: 'Data sync' }).click();
      await page.getByText('Nothing was written yet').waitFor();
      await expectAccessible(page, 'a data sync that nobody has chosen');
      const days = page.getByRole('form', { name: 'Days to write' });
      await days.getByLabel('From').fill('2026-01-05');
      await days.getByLabel('To, with that day').fill('2026-01-06');
      await days.getByRole('button', { name: 'Write these days' }).click();
      const runs = page.getByRole('list', { name: 'Runs' }).getByRole('listitem');
      await runs.filter({ hasText: '2026-01-05 to 2026-01-06 asked for' }).getByText('Written').waitFor();
      await runs.getByText('1 row in 1 file').waitFor();
      const folder = readdirSync(into);
      expect(folder).toEqual([expect.stringMatching(/^userpilot_datasync_1_NX-/)]);
      expect(readdirSync(join(into, ...folder, '2026-01-05')).toSorted()).toEqual([
        '_manifest.json',
        'track.parquet',
      ]);
      const schedule = page.getByRole('form', { name: 'Schedule' });
      await schedule.getByLabel('Each day').selectOption('on');
      await schedule.getByLabel('From').selectOption({ label: '05:00 UTC' });
      await schedule.getByRole('button', { name: 'Save' }).click();
      await page.getByText('Each day is written once it is over, from 05:00 UTC on.').waitFor();
      await runs.filter({ hasText: 'by schedule' }).getByText('Written').waitFor();
      await page.getByText(into).waitFor();
      await expectAccessible(page, 'a data sync at work');
    });
  });

  test('is chosen by admins and owners alone, and the audit tells of it', async () => {
    const cookie = await server.join(owner, 'analyst', 'Anna Analyst');
    await as(server.address, cookie, async (page) => {
      await page.goto('/jobs/data-sync');
      await page.getByText('Each day is written once it is over').waitFor();
      await page.getByRole('list', { name: 'Runs' }).waitFor();
      expect(await page.getByRole('form').count()).toBe(0);
    });
    await as(server.address, owner, async (page) => {
      await page.goto('/settings/audit');
      await page.getByText('had the days 2026-01-05 to 2026-01-06 synced').waitFor();
      await page.getByText('chose that data sync is on').waitFor();
    });
  });

  test('says what is missing where the server has no place for files', async () => {
    const other = await Server.start();
    try {
      await as(other.address, await other.becomeOwner(), async (page) => {
        await page.goto('/jobs/data-sync');
        await page.getByText('This server has no place for files yet').waitFor();
        expect(await page.getByRole('form').count()).toBe(0);
        await expectAccessible(page, 'no place for files');
      });
    } finally {
      await other.stop();
    }
  });
});
