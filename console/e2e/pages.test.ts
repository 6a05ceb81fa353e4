/** Every page at both widths and in both themes: seen by axe, and by people as a screenshot. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { components } from '../src/api/schema';
import { launch, open, SMALL, seriousFindings, WIDE } from './browser.ts';
import { Server } from './server.ts';
import {
  ADA,
  daysAgo,
  eraseUsers,
  exportEvents,
  type Jobs,
  populate,
  populateAsking,
  populateContent,
  populateHistory,
  populateJobs,
  userId,
} from './world.ts';

type Schemas = components['schemas'];
type CallPage = Schemas['CallPage'];

const SCREENSHOTS = join(import.meta.dirname, '../screenshots');
/** What README shows. */
const CHOSEN = ['home-1280-light', 'live-refused-1280-light', 'job-1280-light', 'jobs-tried-1280-light'];
/** One new user, one known, one without an id. */
const FILE = {
  name: 'crm-export.ndjson',
  mimeType: 'application/x-ndjson',
  buffer: Buffer.from(
    '{"user_id":"new-1","metadata":{"plan":"pro"}}\n{"user_id":"u-1"}\n{"metadata":{"plan":"pro"}}\n',
  ),
};
const FUNNEL = {
  steps: [{ event: 'signed_up' }, { event: 'report_opened' }, { event: 'invoice_paid' }],
  window: { days: 7 },
};
const asked = (question: object) => `question=${encodeURIComponent(JSON.stringify(question))}`;
const SHOWN = join(import.meta.dirname, '../../docs/screenshots');

let server: Server;
let browser: Browser;
let owner: string;
let calls: CallPage['data'];
let invitation: string;
let jobs: Jobs;
let erasure: string;
let exported: string;
let segment: number;
let report: number;
let dashboard: number;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  owner = await server.becomeOwner();
  await populate(server);
  await populateHistory(server);
  await populateAsking(server);
  await populateContent(server);
  await keepQuestions();
  const invite = (email: string) =>
    server.json<Schemas['InvitationMade']>('POST', '/v1/invitations', {
      cookie: owner,
      body: { role: 'viewer', email },
    });
  await invite('vera@example.com');
  invitation = (await invite('victor@example.com')).link;
  jobs = await populateJobs(server);
  erasure = await eraseUsers(server, [userId(230), userId(231), 'nobody']);
  exported = await exportEvents(server, 'parquet');
  await server.json('POST', '/v1/environments', { cookie: owner, body: { name: 'Staging' } });
  calls = (await server.json<CallPage>('GET', '/v1/environments/1/calls?status=refused', { cookie: owner }))
    .data;
  mkdirSync(SCREENSHOTS, { recursive: true });
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** A segment, a report and a dashboard. */
async function keepQuestions(): Promise<void> {
  const keep = async (path: string, body: object) =>
    (await server.json<{ id: number }>('POST', path, { key: server.key, body })).id;
  const text = 'plan is "pro" and did "report_opened" at least 1 times in the last 30 days';
  segment = await keep('/v1/segments', { name: 'Paying readers', level: 'user', text });
  report = await keep('/v1/reports', { name: 'To the first invoice', kind: 'funnel', question: FUNNEL });
  dashboard = await keep('/v1/dashboards', { name: 'Every Monday', reports: [report] });
}

/** Opens a page and waits for what shows that it is there. */
interface Place {
  name: string;
  path: () => string;
  ready: (page: Page) => Promise<void>;
  /** Seen by somebody who is not signed in. */
  isOutside?: true;
}

const heading = (name: string | RegExp) => (page: Page) =>
  page.getByRole('heading', { name }).first().waitFor();
const text = (wanted: string) => (page: Page) => page.getByText(wanted, { exact: false }).first().waitFor();
const refusedFor = (code: string) => calls.find(({ errors }) => errors[0]?.error_code === code)?.sequence;

const PLACES: Place[] = [
  { name: 'sign-in', path: () => '/sign-in', ready: heading('Sign in'), isOutside: true },
  { name: 'welcome', path: () => invitation, ready: heading('Join Muster'), isOutside: true },
  { name: 'home-first-call', path: () => '/?environment=2', ready: heading('Send the first call') },
  {
    name: 'palette',
    path: () => '/companies?environment=1',
    ready: async (page) => {
      await text('Northwind')(page);
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox').fill('grace');
      await page
        .getByRole('option', { name: /Grace Hopper/ })
        .first()
        .waitFor();
    },
  },
  {
    name: 'new-key',
    path: () => '/settings/keys?environment=1',
    ready: async (page) => {
      await page.getByRole('button', { name: 'New key' }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'home',
    path: () => '/?environment=1',
    ready: async (page) => {
      await text('received today')(page);
      await page.getByText('company_id_missing').waitFor();
    },
  },
  {
    name: 'live',
    path: () => '/live?environment=1',
    ready: (page) => page.locator('[data-sequence]').first().waitFor(),
  },
  {
    name: 'live-refused',
    path: () => `/live?call=${refusedFor('company_id_missing')}`,
    ready: (page) => page.locator('[data-pointer]').first().waitFor(),
  },
  { name: 'live-filtered-empty', path: () => '/live?event=never', ready: text('None of the newest calls') },
  { name: 'users', path: () => '/users?row=u-10', ready: text('Grace Hopper') },
  { name: 'users-none', path: () => '/users?q=zzz', ready: text('Nothing begins with') },
  { name: 'user', path: () => `/users/${userId(7)}`, ready: text('enterprise') },
  { name: 'user-unknown', path: () => '/users/nobody', ready: text('There is no user nobody') },
  { name: 'companies', path: () => '/companies', ready: text('Northwind') },
  { name: 'company', path: () => '/companies/c-2', ready: text('monthly_spend') },
  {
    name: 'user-timeline',
    path: () => `/users/${ADA}`,
    ready: async (page) => {
      const timeline = page.getByRole('region', { name: 'Timeline' });
      await timeline.getByRole('button', { name: 'page_viewed /pricing × 6' }).click();
      await timeline.getByRole('button', { name: /invited/ }).click();
      await timeline.getByRole('table', { name: 'Properties' }).waitFor();
    },
  },
  {
    name: 'user-past',
    path: () => `/users/${ADA}?as_of=${encodeURIComponent(daysAgo(5))}`,
    ready: text('The past'),
  },
  { name: 'events-none', path: () => '/events?environment=2', ready: text('Nothing has happened yet') },
  {
    name: 'events',
    path: () => '/events?environment=1',
    ready: (page) => page.getByRole('link', { name: 'page_viewed', exact: true }).waitFor(),
  },
  { name: 'event', path: () => '/events/event?event=invoice_paid', ready: text('As a table') },
  {
    name: 'event-breakdown',
    path: () => '/events/event?event=invoice_paid&breakdown=user%3Aplan',
    ready: async (page) => {
      await page.locator('figure li').first().waitFor();
      await page.getByText('As a table').click();
    },
  },
  { name: 'event-unknown', path: () => '/events/event?event=never', ready: text('There is no event never') },
  {
    name: 'explorer',
    path: () => '/events/explorer',
    ready: (page) => page.getByRole('row').nth(1).waitFor(),
  },
  {
    name: 'explorer-opened',
    path: () => '/events/explorer?event=invoice_paid',
    ready: async (page) => {
      await page.getByRole('row').nth(1).click();
      await page.getByRole('table', { name: 'Properties' }).waitFor();
    },
  },
  { name: 'explorer-none', path: () => '/events/explorer?event=never', ready: text('No event is like that') },
  { name: 'properties', path: () => '/events/properties?owner=event', ready: text('amount') },
  {
    name: 'properties-conflict',
    path: () => '/events/properties?owner=event&opened=amount',
    ready: text('number sent as text'),
  },
  { name: 'segments-none', path: () => '/segments?environment=2', ready: text('No segment yet') },
  { name: 'segments', path: () => '/segments?environment=1', ready: text('Paying readers') },
  {
    name: 'segment',
    path: () => `/segments/${segment}?explain=p-3`,
    ready: async (page) => {
      await text('p-3 is in this segment')(page);
      await page.getByRole('region', { name: 'Members of Paying readers' }).waitFor();
    },
  },
  { name: 'segment-edit', path: () => `/segments/${segment}/edit`, ready: text('people match now') },
  {
    name: 'segment-text',
    path: () => '/segments/new?filter=plan%20is',
    ready: text('column 8'),
  },
  { name: 'segment-unknown', path: () => '/segments/999', ready: text('There is no segment 999') },
  { name: 'users-filtered', path: () => '/users?filter=plan%20is%20%22pro%22', ready: text('Grace Hopper') },
  { name: 'reports-none', path: () => '/reports?environment=2', ready: text('No report was saved yet') },
  { name: 'reports', path: () => '/reports?environment=1', ready: text('To the first invoice') },
  {
    name: 'report-funnel',
    path: () => `/reports/funnel?report=${report}`,
    ready: (page) =>
      page
        .getByRole('img', { name: /^Shares/ })
        .locator('svg')
        .waitFor(),
  },
  {
    name: 'report-people',
    path: () => `/reports/funnel?report=${report}&number=%7B%22step%22%3A1%7D`,
    ready: (page) => page.getByRole('region', { name: 'Their list' }).getByRole('link').first().waitFor(),
  },
  {
    name: 'report-trend',
    path: () =>
      `/reports/trend?${asked({ series: [{ active: true, measure: 'total' }], breakdown: { user: 'plan' } })}`,
    ready: (page) =>
      page
        .getByRole('img', { name: /a line over time/ })
        .locator('svg')
        .waitFor(),
  },
  {
    name: 'report-retention',
    path: () => `/reports/retention?${asked({ start: { event: 'signed_up' }, each: 'day' })}`,
    ready: (page) =>
      page
        .getByRole('img', { name: /^Share that came back/ })
        .locator('svg')
        .waitFor(),
  },
  {
    name: 'report-path',
    path: () => `/reports/path?${asked({ anchor: { event: 'signed_up' }, window: { days: 7 } })}`,
    ready: async (page) => {
      await text('It begins with')(page);
      if (page.viewportSize()?.width === SMALL.width) return;
      await page
        .getByRole('img', { name: /^Paths/ })
        .locator('svg path')
        .first()
        .waitFor();
    },
  },
  { name: 'report-unfinished', path: () => '/reports/funnel', ready: text('The question is not finished') },
  { name: 'dashboards', path: () => '/dashboards', ready: text('Every Monday') },
  { name: 'dashboard', path: () => `/dashboards/${dashboard}`, ready: text('took every step') },
  { name: 'jobs-none', path: () => '/jobs?environment=2', ready: text('No file was sent yet') },
  { name: 'jobs', path: () => '/jobs?environment=1', ready: text('people.ndjson') },
  {
    name: 'jobs-tried',
    path: () => '/jobs?environment=1',
    ready: async (page) => {
      await page.getByText('Drop a file of users').waitFor();
      await page.setInputFiles('input[type=file]', FILE);
      await page.getByRole('button', { name: 'Try it first' }).click();
      await page.getByRole('button', { name: 'Send 2 rows' }).waitFor();
    },
  },
  {
    name: 'job',
    path: () => `/jobs/${encodeURIComponent(jobs.done)}`,
    ready: (page) => page.locator('[data-pointer]').first().waitFor(),
  },
  {
    name: 'job-failed',
    path: () => `/jobs/${encodeURIComponent(jobs.failed)}`,
    ready: text('Nothing of the file'),
  },
  { name: 'job-unknown', path: () => '/jobs/bulk:jobs:NX-0:1', ready: text('There is no such job') },
  {
    name: 'delete-user',
    path: () => `/users/${userId(7)}?environment=1`,
    ready: async (page) => {
      await page.getByRole('button', { name: 'Delete' }).click();
      await page.getByText('goes with it').waitFor();
    },
  },
  {
    name: 'erasures-none',
    path: () => '/jobs/erasures?environment=2',
    ready: text('Nobody was deleted yet'),
  },
  { name: 'erasures', path: () => '/jobs/erasures?environment=1', ready: text('3 users') },
  {
    name: 'erasure',
    path: () => `/jobs/erasures/${encodeURIComponent(erasure)}`,
    ready: text('and nothing was found'),
  },
  {
    name: 'exports-none',
    path: () => '/jobs/exports?environment=2',
    ready: text('Nothing was exported yet'),
  },
  { name: 'exports', path: () => '/jobs/exports?environment=1', ready: text('Events as Parquet') },
  {
    name: 'export',
    path: () => `/jobs/exports/${exported}`,
    ready: text('events-00001.parquet'),
  },
  { name: 'data-sync', path: () => '/jobs/data-sync', ready: text('Nothing was written yet') },
  { name: 'settings-environment', path: () => '/settings', ready: heading('Where calls go') },
  { name: 'settings-keys', path: () => '/settings/keys?key=1', ready: text('company has neither') },
  { name: 'settings-personal-data', path: () => '/settings/personal-data', ready: text('phone') },
  {
    name: 'settings-content-none',
    path: () => '/settings/content?environment=2',
    ready: text('No flow is registered'),
  },
  {
    name: 'settings-content',
    path: () => '/settings/content?environment=1&row=448',
    ready: text('Onboarding'),
  },
  {
    name: 'settings-content-item',
    path: () => '/settings/content?kind=surveys&item=45',
    ready: text('tell a friend'),
  },
  { name: 'settings-team', path: () => '/settings/team', ready: text('vera@example.com') },
  { name: 'settings-audit', path: () => '/settings/audit', ready: text('invited vera@example.com') },
  { name: 'settings-account', path: () => '/settings/account', ready: heading('Password') },
  { name: 'lost', path: () => '/nowhere', ready: text('There is no such page') },
];

describe.each([
  { width: 1280, viewport: WIDE, colorScheme: 'light' as const },
  { width: 1280, viewport: WIDE, colorScheme: 'dark' as const },
  { width: 390, viewport: SMALL, colorScheme: 'light' as const },
  { width: 390, viewport: SMALL, colorScheme: 'dark' as const },
])('at $width in $colorScheme', ({ width, viewport, colorScheme }) => {
  test('every page is accessible, fits its width and complains about nothing', async () => {
    const looks = { viewport, colorScheme };
    const inside = await open(browser, server.address, owner, looks);
    const outside = await open(browser, server.address, null, looks);
    const found: string[] = [];
    for (const { name, path, ready, isOutside } of PLACES) {
      const { page } = isOutside ? outside : inside;
      await page.goto(path());
      await ready(page);
      await page.evaluate(() => document.fonts.ready);
      const file = `${name}-${width}-${colorScheme}`;
      await page.screenshot({ path: join(SCREENSHOTS, `${file}.png`) });
      found.push(...(await seriousFindings(page)).map((finding) => `${file}: ${finding}`));
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(overflow, `${file} is wider than its window`).toBeLessThanOrEqual(0);
      if (process.env.UPDATE_SCREENSHOTS === '1' && CHOSEN.includes(file)) {
        mkdirSync(SHOWN, { recursive: true });
        copyFileSync(join(SCREENSHOTS, `${file}.png`), join(SHOWN, `${file}.png`));
      }
    }
    expect(found).toEqual([]);
    expect([...inside.complaints, ...outside.complaints]).toEqual([]);
    await inside.context.close();
    await outside.context.close();
  }, 300_000);
});
