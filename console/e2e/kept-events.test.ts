/** Raw events that are kept for some days: chosen in the settings, with what would go, and asked for by name. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { components } from '../src/api/schema';
import { expectAccessible, launch, visiting } from './browser.ts';
import { Server } from './server.ts';

type Environments = { data: components['schemas']['Environment'][] };

let server: Server;
let browser: Browser;
let owner: string;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  owner = await server.becomeOwner();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const as = visiting(() => ({ browser, address: server.address }));

async function keptDays(): Promise<number | null | undefined> {
  const { data } = await server.json<Environments>('GET', '/v1/environments', { cookie: owner });
  return data[0]?.keep_events_days;
}

describe('Keeping events for some days', () => {
  test('says first what there is, and whose name must be typed', async () => {
    await as(owner, async (page) => {
      await page.goto('/settings');
      const section = page.locator('section', { has: page.getByRole('heading', { name: 'Raw events' }) });
      await section.getByText('There is no event.').waitFor();
      expect(await section.getByLabel('Keep events').inputValue()).toBe('good');
      await server.json('POST', '/v1/identify', { key: server.key, body: { user_id: 'u-1' } });
      await page.reload();
      await section.getByText('The oldest event arrived just now.').waitFor();

      await section.getByLabel('Keep events').selectOption('For some days');
      await section.getByLabel('Days').fill('30');
      await section.getByText('No event is as old as that now.').waitFor();
      await section.getByRole('button', { name: 'Save' }).click();
      const dialog = page.getByRole('dialog', { name: 'Drop events of Production after 30 days?' });
      await dialog.getByText('No event is as old as that now.').waitFor();
      const button = dialog.getByRole('button', { name: 'Drop them for good' });
      const typed = dialog.getByLabel('Type Production to confirm');
      await typed.fill('production');
      expect(await button.isDisabled()).toBe(true);
      await expectAccessible(page, 'the question before events are dropped');
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      expect(await keptDays()).toBeNull();

      await section.getByRole('button', { name: 'Save' }).click();
      await typed.fill('Production');
      await button.click();
      await dialog.waitFor({ state: 'hidden' });
      await expect.poll(keptDays).toBe(30);
      await expectAccessible(page, 'events for some days');
    });
  });

  test('asks no name where nothing more goes', async () => {
    await as(owner, async (page) => {
      await page.goto('/settings');
      const section = page.locator('section', { has: page.getByRole('heading', { name: 'Raw events' }) });
      expect(await section.getByLabel('Days').inputValue()).toBe('30');
      await section.getByLabel('Days').fill('60');
      await section.getByRole('button', { name: 'Save' }).click();
      await expect.poll(keptDays).toBe(60);
      await section.getByLabel('Keep events').selectOption('For good');
      await section.getByRole('button', { name: 'Save' }).click();
      await expect.poll(keptDays).toBeNull();
      expect(await page.getByRole('dialog').count()).toBe(0);
      await page.goto('/settings/audit');
      await page.getByText('keep events days for good → 30').waitFor();
    });
  });

  test('is for admins and owners; others read how it is', async () => {
    for (const role of ['viewer', 'analyst'] as const) {
      const cookie = await server.join(owner, role, `${role} of it`);
      await as(cookie, async (page) => {
        await page.goto('/settings');
        await page.getByText('Events are kept for good.').waitFor();
        expect(await page.getByLabel('Keep events').count()).toBe(0);
      });
    }
  });
});
