/** The content catalogue: filled by the call that the page shows, searched, changed by who may, and read by everybody. */
import { execFileSync } from 'node:child_process';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContentKind } from '../src/api/content.ts';
import { expectAccessible, launch, parameter, visiting } from './browser.ts';
import { Server } from './server.ts';

const SURVEY = {
  id: 45,
  title: 'CSAT',
  platform: 'web',
  modules: [
    { id: 1, order: 1, type: 'nps', question: 'Would you tell a friend?' },
    { id: 2, order: 2, type: 'open_text', question: 'Why?' },
  ],
};

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
const lookup = (kind: ContentKind) =>
  server.json<object[]>('GET', `/api/v1/analytics/exports/lookups/${kind}`, { key: server.key });
const register = (kind: ContentKind, body: object[]) =>
  server.json('PUT', `/v1/content/${kind}`, { key: server.key, body });
const kindLink = (page: Page, name: RegExp) =>
  page.getByRole('navigation', { name: 'Kinds of content' }).getByRole('link', { name });
const row = (page: Page, title: string) => page.getByRole('row').filter({ hasText: title });

describe('The content catalogue', () => {
  test('is empty at first, and filled by the call that it shows', async () => {
    await as(owner, async (page) => {
      await page.goto('/settings');
      await page.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name: 'Content' }).click();
      await page.getByText('No flow is registered').waitFor();
      await expectAccessible(page, 'an empty catalogue');
      await page.getByRole('button', { name: 'Copy' }).click();
      const call = await page.evaluate(() => navigator.clipboard.readText());
      const env = { PATH: process.env.PATH, MUSTER_KEY: server.key };
      expect(execFileSync('sh', ['-c', call], { env, encoding: 'utf8', stdio: 'pipe' })).toContain('200 OK');
      await page.locator('body').press('r');
      await row(page, 'Onboarding').getByText('448').waitFor();
      await page.getByText('1 flow, changed').waitFor();
    });
  });

  test('is added to, renamed in and removed from', async () => {
    await as(owner, async (page) => {
      await page.goto('/settings/content');
      await page.getByRole('button', { name: 'Add a flow' }).click();
      const adding = page.getByRole('dialog', { name: 'Add a flow' });
      await adding.getByLabel('Number').fill('448');
      await adding.getByLabel('Title').fill('Tour of reports');
      await adding.getByRole('button', { name: 'Add it' }).click();
      await adding.getByText('448 is Onboarding already.').waitFor();
      await expectAccessible(page, 'a number that is taken');
      await adding.getByLabel('Number').fill('12');
      await page.keyboard.press('Enter');
      await adding.waitFor({ state: 'hidden' });
      await row(page, 'Tour of reports').waitFor();
      expect(parameter(page, 'row')).toBe('"12"');
      expect(await lookup('flows')).toEqual([
        { id: 448, title: 'Onboarding' },
        { id: 12, title: 'Tour of reports' },
      ]);

      // By the keyboard alone: the row above, opened, renamed.
      await page.locator('body').press('k');
      await page.locator('body').press('Enter');
      const opened = page.getByRole('dialog', { name: 'Flow 448' });
      await opened.waitFor();
      expect(parameter(page, 'item')).toBe('"448"');
      await expectAccessible(page, 'an opened flow');
      await opened.getByLabel('Title').fill('First steps');
      await page.keyboard.press('Enter');
      await opened.waitFor({ state: 'hidden' });
      expect(parameter(page, 'item')).toBeNull();
      expect(await lookup('flows')).toContainEqual({ id: 448, title: 'First steps' });

      await row(page, 'Tour of reports').getByRole('link').click();
      await page.getByRole('button', { name: 'Remove…' }).click();
      const asking = page.getByRole('dialog', { name: 'Remove Tour of reports?' });
      const button = asking.getByRole('button', { name: 'Remove the flow' });
      await asking.getByLabel('Type Tour of reports or 12 to confirm').fill('Tour');
      expect(await button.isDisabled()).toBe(true);
      await expectAccessible(page, 'the question before a flow is removed');
      await asking.getByLabel('Type Tour of reports or 12 to confirm').fill('12');
      await button.click();
      await asking.waitFor({ state: 'hidden' });
      await row(page, 'Tour of reports').waitFor({ state: 'hidden' });
      expect(await lookup('flows')).toEqual([{ id: 448, title: 'First steps' }]);
    });
  });

  test('is searched in all kinds at once, and the address says what is shown', async () => {
    await register('surveys', [SURVEY]);
    await register('embeds', [{ id: 92, title: 'New report', type: 'card' }]);
    await register('checklists', [{ key: 'first_steps', display_name: 'Settling in' }]);
    await as(owner, async (page) => {
      await page.goto('/settings/content');
      await page.getByRole('searchbox').fill('first');
      await kindLink(page, /^Checklists 1/).waitFor();
      await kindLink(page, /^Flows 1/).waitFor();
      await kindLink(page, /^Surveys 0/).click();
      await page.getByText('No survey has “first” in its title or number').waitFor();
      await kindLink(page, /^Checklists 1/).click();
      await row(page, 'Settling in').getByText('first_steps').waitFor();
      expect([parameter(page, 'kind'), parameter(page, 'q')]).toEqual(['checklists', 'first']);
      await page.reload();
      await row(page, 'Settling in').waitFor();
      await page.goto('/settings/content?kind=flows&item=9');
      await page.getByText('Nothing is registered under this number.').waitFor();
    });
  });

  test('keeps the questions of a survey that is renamed', async () => {
    await as(owner, async (page) => {
      await page.goto('/settings/content?kind=surveys');
      await row(page, 'CSAT').click();
      const opened = page.getByRole('dialog', { name: 'Survey 45' });
      await opened.getByText('Would you tell a friend?').waitFor();
      await opened.getByLabel('Title').fill('Satisfaction');
      await opened.getByRole('button', { name: 'Save' }).click();
      await opened.waitFor({ state: 'hidden' });
      expect(await lookup('surveys')).toEqual([{ ...SURVEY, title: 'Satisfaction' }]);
    });
  });

  test('does not undo what somebody else did meanwhile', async () => {
    await as(owner, async (page) => {
      await page.goto('/settings/content?kind=embeds&item=92');
      const opened = page.getByRole('dialog', { name: 'Embed 92' });
      await opened.getByLabel('Kind').selectOption('Banner');
      await register('embeds', [
        { id: 92, title: 'Newer report', type: 'card' },
        { id: 93, title: 'Webinar', type: 'card' },
      ]);
      await opened.getByRole('button', { name: 'Save' }).click();
      await opened.getByRole('alert').waitFor();
      await kindLink(page, /^Embeds 2/).waitFor({ state: 'attached' });
      await opened.getByRole('button', { name: 'Save' }).click();
      await opened.waitFor({ state: 'hidden' });
      expect(await lookup('embeds')).toEqual([
        { id: 92, title: 'Newer report', type: 'banner' },
        { id: 93, title: 'Webinar', type: 'card' },
      ]);
    });
  });

  test('is read by everybody and changed by admins and owners alone', async () => {
    for (const role of ['viewer', 'analyst'] as const) {
      const cookie = await server.join(owner, role, `${role} of it`);
      await as(cookie, async (page) => {
        await page.goto('/settings/content?kind=banners');
        await page.getByText('An admin can register them.').waitFor();
        expect(await page.getByRole('button', { name: /^Add|^Remove|^Copy/ }).count()).toBe(0);
        await kindLink(page, /^Flows/).click();
        await row(page, 'First steps').waitFor();
        expect(await page.getByRole('button', { name: /^Add|^Remove|^Copy/ }).count()).toBe(0);
        await row(page, 'First steps').click();
        const opened = page.getByRole('dialog', { name: 'Flow 448' });
        await opened.getByText('First steps').waitFor();
        expect(await opened.getByRole('textbox').count()).toBe(0);
        expect(await opened.getByRole('button', { name: /Save|Remove/ }).count()).toBe(0);
        await expectAccessible(page, `a flow opened by a ${role}`);
        await opened.getByRole('button', { name: 'Close' }).last().click();
        await opened.waitFor({ state: 'hidden' });
      });
    }
  });

  test('is emptied of a kind once its name is typed, and the audit tells of it', async () => {
    await as(owner, async (page) => {
      await page.goto('/settings/content?kind=embeds');
      await page.getByRole('button', { name: 'Remove all embeds' }).click();
      const asking = page.getByRole('dialog', { name: 'Remove all embeds?' });
      await asking.getByText('2 embeds of Production').waitFor();
      await asking.getByLabel('Type Embeds to confirm').fill('Embeds');
      await asking.getByRole('button', { name: 'Remove them' }).click();
      await page.getByText('No embed is registered').waitFor();
      expect(await lookup('embeds')).toEqual([]);
      await page.goto('/settings/audit');
      await page.getByText('removed all embeds').waitFor();
      await page.getByText('registered surveys').first().waitFor();
    });
  });
});
