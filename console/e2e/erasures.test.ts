/** Deleting in the console: asked for by name, hidden at once, and shown with its certificate. */
import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { components } from '../src/api/schema';
import { expectAccessible, launch, visiting } from './browser.ts';
import { Server } from './server.ts';
import { eraseUsers } from './world.ts';

type Erasure = components['schemas']['Erasure'];

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

const send = (path: string, body: unknown) => server.json('POST', path, { key: server.key, body });
const status = async (path: string) => (await server.call('GET', path, { key: server.key })).status;
const ada = (user: string) => ({
  user_id: user,
  metadata: { name: 'Ada Lovelace' },
  company: { id: 'c-1', name: 'Analytical' },
});

describe('Deleting', () => {
  test('a person wants the id or the name, and ends with a certificate that can be downloaded', async () => {
    await send('/v1/identify', ada('u-1'));
    await send('/v1/track', { user_id: 'u-1', event_name: 'paid' });
    await as(owner, async (page) => {
      await page.goto('/users/u-1');
      await page.getByRole('button', { name: 'Delete' }).click();
      const dialog = page.getByRole('dialog', { name: 'Delete Ada Lovelace?' });
      await dialog.getByText('1 event goes with it.').waitFor();
      const button = dialog.getByRole('button', { name: 'Delete for good' });
      const typed = dialog.getByLabel('Type u-1 or Ada Lovelace to confirm');
      await typed.fill('Ada');
      expect(await button.isDisabled()).toBe(true);
      await expectAccessible(page, 'the question before a deletion');
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      expect(await status('/v1/users/u-1')).toBe(200);

      await page.getByRole('button', { name: 'Delete' }).click();
      await typed.fill('Ada Lovelace');
      await button.click();
      await page.waitForURL(/\/jobs\/erasures\/delete/);
      expect(await status('/v1/users/u-1'), 'hidden at once').toBe(404);
      await page.getByRole('heading', { name: 'Erasure of 1 user' }).waitFor();
      await page.getByText('and nothing was found', { exact: false }).waitFor();
      await page.locator('dl').getByText('Olga Owner').waitFor();
      await page.getByRole('row', { name: /^The log of everything received 1 event, 1 event cut/ }).waitFor();
      await page.getByRole('row', { name: /^Profiles and what is searched 1 profile/ }).waitFor();
      expect(await page.getByRole('list', { name: 'Hashes of the ids' }).innerText()).toMatch(
        /^[0-9a-f]{32}$/,
      );
      await expectAccessible(page, 'a certificate');

      const download = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Download' }).click();
      const saved = await download;
      expect(saved.suggestedFilename()).toMatch(/^erasure-[0-9a-f-]{36}\.json$/);
      const erasure = JSON.parse(readFileSync(await saved.path(), 'utf8')) as Erasure;
      const told = await server.json<Erasure>('GET', `/v1/erasures/${erasure.id}`, { key: server.key });
      expect(erasure).toEqual(told);
      expect(erasure.certificate?.places.map(({ found }) => found)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    });
    await send('/v1/identify', { user_id: 'u-1' });
    expect(await status('/v1/users/u-1'), 'a new life').toBe(200);
  });

  test('a company leaves its people, and can be refused from then on', async () => {
    await send('/v1/identify', ada('u-2'));
    await as(owner, async (page) => {
      await page.goto('/users');
      await page.getByRole('row', { name: /u-2/ }).getByRole('link', { name: 'Analytical' }).click();
      await page.getByRole('heading', { name: 'Analytical' }).waitFor();
      await page.getByRole('button', { name: 'Delete' }).click();
      const dialog = page.getByRole('dialog', { name: 'Delete Analytical?' });
      await dialog.getByText('1 event goes with it, and 1 user loses the company.').waitFor();
      await dialog.getByLabel('Type c-1 or Analytical to confirm').fill('c-1');
      await dialog.getByLabel('Refuse this id in future').check();
      await dialog.getByRole('button', { name: 'Delete for good' }).click();
      await page.getByRole('heading', { name: 'Erasure of 1 company' }).waitFor();
      await page.getByText('refused', { exact: true }).waitFor();
      await page.getByRole('heading', { name: 'Certificate' }).waitFor();
    });
    await send('/v1/identify', ada('u-3'));
    const user = await server.json<{ company_id: string | null }>('GET', '/v1/users/u-3', {
      key: server.key,
    });
    expect(user.company_id).toBeNull();
    expect(await status('/v1/companies/c-1')).toBe(404);
  });

  test('is for admins and owners; others read what was deleted', async () => {
    await send('/v1/identify', { user_id: 'u-4' });
    for (const role of ['viewer', 'analyst'] as const) {
      const cookie = await server.join(owner, role, `${role} of it`);
      await as(cookie, async (page) => {
        await page.goto('/users/u-4');
        await page.getByRole('heading', { name: 'u-4' }).waitFor();
        expect(await page.getByRole('button', { name: 'Delete' }).count()).toBe(0);
        await page.goto('/jobs/erasures');
        await page.getByRole('link', { name: '1 company' }).click();
        await page.getByRole('heading', { name: 'Certificate' }).waitFor();
      });
    }
    const admin = await server.join(owner, 'admin', 'admin of it');
    await as(admin, async (page) => {
      await page.goto('/users/u-4');
      await page.getByRole('button', { name: 'Delete' }).waitFor();
    });
  });
});

describe('The list of erasures', () => {
  test('says what will stand there while nobody was deleted', async () => {
    await server.json('POST', '/v1/environments', { cookie: owner, body: { name: 'Staging' } });
    await as(owner, async (page) => {
      await page.goto('/jobs/erasures?environment=2');
      await page.getByText('Nobody was deleted yet').waitFor();
      await expectAccessible(page, 'no erasures');
    });
  });

  test('is reached from the jobs, reads on over the end of a page, and opens what is chosen', async () => {
    for (let number = 0; number < 100; number++) {
      await server.json('DELETE', '/v1/users', { key: server.key, body: { users: [`gone-${number}`] } });
    }
    await eraseUsers(server, ['last-1', 'last-2']);
    await as(owner, async (page) => {
      await page.goto('/jobs?environment=1');
      const readOn = async (label: string) => {
        const table = page.getByRole('region', { name: label });
        await table.waitFor();
        await expect
          .poll(async () => {
            await table.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
            return page.getByRole('table').getAttribute('aria-rowcount');
          })
          .toBe('104');
      };
      await readOn('Jobs');
      await page.getByRole('navigation', { name: 'Jobs' }).getByRole('link', { name: 'Erasures' }).click();
      await page.getByRole('row', { name: /^2 users Complete the key bootstrap/ }).waitFor();
      await expectAccessible(page, 'the list of erasures');
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Erasure of 2 users' }).waitFor();
      await page.keyboard.press('Escape');
      await page.waitForURL(/\/jobs\/erasures\?/);
      await readOn('Erasures');
      await page.goto('/jobs/erasures/delete:jobs:NX-0:1');
      await page.getByText('There is no such erasure in this environment').waitFor();
    });
  });

  test('a job that deletes leads to its erasure, and so does the palette', async () => {
    await as(owner, async (page) => {
      await page.goto('/jobs?environment=1');
      await page.getByRole('link', { name: 'Deletion' }).first().click();
      await page.getByRole('heading', { name: 'Erasure of 2 users' }).waitFor();
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox').fill('eras');
      await page.getByRole('option', { name: 'Erasures' }).waitFor();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Erasures' }).waitFor();
    });
  });
});

test('an erasure that waits says for when', async () => {
  const daily = await Server.start({ MUSTER_ERASURE__SCHEDULE: 'daily' });
  try {
    const cookie = await daily.becomeOwner();
    const { job_id } = await daily.json<{ job_id: string }>('DELETE', '/v1/users', {
      key: daily.key,
      body: { users: ['u-1'] },
    });
    const asThere = visiting(() => ({ browser, address: daily.address }));
    await asThere(cookie, async (page) => {
      await page.goto(`/jobs/erasures/${encodeURIComponent(job_id)}`);
      await page.getByRole('progressbar', { name: 'Erasure of 1 user' }).waitFor();
      await page.getByText('Hidden, removed later. The removal begins', { exact: false }).waitFor();
      await expectAccessible(page, 'an erasure that waits');
    });
  } finally {
    await daily.stop();
  }
});
