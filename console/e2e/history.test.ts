/** What happened: timelines, the catalogue, the explorer, properties, and a person as of a time. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { components } from '../src/api/schema';
import { expectAccessible, launch, parameter, visiting } from './browser.ts';
import { Server } from './server.ts';
import { ADA, daysAgo, populateHistory } from './world.ts';

type Schemas = components['schemas'];

let server: Server;
let browser: Browser;
let owner: string;
let viewer: string;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  owner = await server.becomeOwner();
  viewer = await server.join(owner, 'viewer', 'Vera Viewer');
  await populateHistory(server);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const as = visiting(() => ({ browser, address: server.address }));

describe('A timeline', () => {
  test('puts together what was repeated, and takes it apart again', async () => {
    await as(owner, async (page) => {
      await page.goto(`/users/${ADA}`);
      const timeline = page.getByRole('region', { name: 'Timeline' });
      const repeated = timeline.getByRole('button', { name: 'page_viewed /pricing × 6' });
      await repeated.waitFor();
      expect(await repeated.getAttribute('aria-expanded')).toBe('false');
      await repeated.click();
      const each = timeline.getByRole('button', { name: /title Pricing/ });
      await expect.poll(() => each.count()).toBe(6);
      await expectAccessible(page, 'a timeline taken apart');

      await each.nth(2).click();
      await timeline.getByRole('table', { name: 'Properties' }).waitFor();
      const row = timeline.getByRole('row', { name: /^url/ });
      expect(await row.innerText()).toContain('https://app.example/pricing');
      expect(parameter(page, 'opened')).toMatch(/-\d+$/);
      await page.reload();
      await timeline.getByRole('row', { name: /^url/ }).waitFor();

      // The viewer's zone in the row, UTC on hover.
      const time = timeline.locator('time').first();
      expect(await time.getAttribute('title')).toMatch(/GMT\+[12]|CES?T/);
      expect(await time.getAttribute('title')).toContain('UTC');
    });
  });

  test('shows its days, and only the event that is asked for', async () => {
    await as(owner, async (page) => {
      await page.goto(`/users/${ADA}`);
      const timeline = page.getByRole('region', { name: 'Timeline' });
      await timeline.getByRole('heading', { name: 'Today' }).waitFor();
      await timeline.getByLabel('Event').selectOption({ label: 'invoice_paid' });
      await page.waitForURL((url) => url.searchParams.get('event') === 'invoice_paid');
      await timeline
        .getByRole('button', { name: /page_viewed/ })
        .first()
        .waitFor({ state: 'detached' });
      await timeline
        .getByRole('button', { name: /invoice_paid/ })
        .first()
        .waitFor();
      await page.goto(`/users/${ADA}?event=never`);
      await timeline.getByText('No such event here').waitFor();
      await timeline.getByRole('button', { name: 'Show all events' }).click();
      await timeline
        .getByRole('button', { name: /page_viewed/ })
        .first()
        .waitFor();
    });
  });

  test('goes on to older events', async () => {
    await as(owner, async (page) => {
      await page.goto('/users/busy?event=step_taken');
      const timeline = page.getByRole('region', { name: 'Timeline' });
      await timeline.getByRole('button', { name: /step_taken × 100/ }).waitFor();
      await timeline.getByRole('button', { name: 'Older events' }).click();
      await timeline.getByRole('button', { name: /step_taken × 130/ }).waitFor();
      await timeline.getByRole('button', { name: 'Older events' }).waitFor({ state: 'detached' });
    });
  });

  test('of a company shows what names it', async () => {
    await as(owner, async (page) => {
      await page.goto('/companies/c-1');
      const timeline = page.getByRole('region', { name: 'Timeline' });
      await timeline
        .getByRole('button', { name: /invoice_paid · u-ada/ })
        .first()
        .click();
      await timeline.getByRole('link', { name: ADA, exact: true }).click();
      await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor();
    });
  });

  test('hides personal data from viewers', async () => {
    await as(viewer, async (page) => {
      await page.goto(`/users/${ADA}?event=invited`);
      await page
        .getByRole('button', { name: /invited/ })
        .first()
        .click();
      const row = page.getByRole('region', { name: 'Timeline' }).getByRole('row', { name: /^email/ });
      expect(await row.innerText()).toContain('•••');
      expect(await page.locator('body').innerText()).not.toContain('grace@example.com');
    });
  });
});

describe('The catalogue of events', () => {
  test('lists them with their volume, finds by name and opens with the keyboard', async () => {
    await as(owner, async (page) => {
      await page.goto('/events');
      await page.getByRole('link', { name: 'page_viewed', exact: true }).waitFor();
      const volume = page.getByRole('img', { name: /^page_viewed on each of the last 30 days/ });
      expect(await volume.getAttribute('aria-label')).toMatch(/, \d+$/);
      // The most frequent stands first.
      expect(await page.getByRole('row').nth(1).innerText()).toContain('step_taken');
      await expectAccessible(page, 'the catalogue');

      await page.getByLabel('Search events').fill('invoice');
      await page.waitForURL((url) => url.searchParams.get('q') === 'invoice');
      await page.getByRole('link', { name: 'page_viewed', exact: true }).waitFor({ state: 'detached' });
      await page.keyboard.press('Escape');
      await page.getByRole('link', { name: 'page_viewed', exact: true }).waitFor();
      await page.keyboard.press('j');
      await page.waitForURL((url) => url.searchParams.get('row') === 'event:step_taken');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'step_taken' }).waitFor();
      await page.keyboard.press('Escape');
      await page.waitForURL((url) => url.pathname === '/events');
      await page.keyboard.press('g');
      await page.keyboard.press('h');
      await page.keyboard.press('g');
      await page.keyboard.press('e');
      await page.getByRole('link', { name: 'Explorer', exact: true }).waitFor();
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox', { name: /^Search users/ }).fill('voice_pa');
      await page.getByRole('option', { name: 'invoice_paid' }).click();
      await page.getByRole('heading', { name: 'invoice_paid' }).waitFor();
    });
  });

  test('one event is counted, by people and by a property, and its numbers are a table too', async () => {
    await as(owner, async (page) => {
      await page.goto('/events/event?event=invoice_paid');
      await page.getByRole('heading', { name: 'invoice_paid' }).waitFor();
      await page
        .getByText(/^6\s+times$/)
        .first()
        .waitFor();
      await page.getByText('Different users', { exact: true }).click();
      await page.waitForURL((url) => url.searchParams.get('measure') === 'unique_users');
      await page.getByText(/^2\s+different users$/).waitFor();

      await page.getByText('Times', { exact: true }).click();
      await page.getByLabel('Break down').selectOption('event:plan');
      await page.waitForURL((url) => url.searchParams.get('breakdown') === 'event:plan');
      const legend = async () =>
        (await page.locator('figure li').allInnerTexts()).map((text) => text.replace(/\s+/g, ' '));
      await expect.poll(legend).toEqual(['pro 4', 'free 2']);
      await expectAccessible(page, 'a chart of two lines');

      await page.getByText('As a table').click();
      const twin = page.getByRole('region', { name: /as a table$/ });
      await expect.poll(() => twin.getByRole('row').count()).toBe(31);
      expect(await twin.getByRole('row').last().innerText()).toContain('so far');
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Download as CSV' }).click(),
      ]);
      expect(file.suggestedFilename()).toBe('invoice_paid.csv');

      // An interval leads to what happened in it.
      await page.getByRole('group', { name: /Arrow keys read it/ }).focus();
      await page.keyboard.press('ArrowLeft');
      await page.locator('figcaption', { hasText: 'so far' }).waitFor();
      await page.keyboard.press('Enter');
      await page.waitForURL((url) => url.pathname === '/events/explorer' && url.searchParams.has('from'));
      await page.getByRole('region', { name: 'Events' }).getByText('invoice_paid').first().waitFor();
    });
  });

  test('an event that there is not is said not to be there', async () => {
    await as(owner, async (page) => {
      await page.goto('/events/event?event=Invoice_Paid');
      await page.getByText('There is no event Invoice_Paid').waitFor();
    });
  });

  test('its examples lead to the events that brought them', async () => {
    await as(owner, async (page) => {
      await page.goto('/events/event?event=invoice_paid');
      await page.getByText('sent as number and as text').waitFor();
      await page.getByRole('link', { name: '"pro"' }).click();
      await page.waitForURL((url) => url.pathname === '/events/explorer');
      await page.getByRole('button', { name: 'plan is pro' }).waitFor();
      await expect.poll(() => page.getByRole('row').count()).toBe(5);
    });
  });
});

describe('The explorer', () => {
  test('filters by event, user, company, property and time, all of it in the address', async () => {
    await as(owner, async (page) => {
      await page.goto('/events/explorer');
      const rows = page.getByRole('region', { name: 'Events' }).locator('tbody tr[aria-rowindex]');
      await rows.first().waitFor();
      await page.getByLabel('Event', { exact: true }).selectOption({ label: 'invoice_paid' });
      await expect.poll(() => rows.count()).toBe(6);
      await page.getByLabel('User id').fill('u-grace');
      await page.getByLabel('User id').press('Enter');
      await expect.poll(() => rows.count()).toBe(2);
      await page.getByLabel('User id').fill('');
      await page.getByLabel('User id').press('Enter');
      await expect.poll(() => rows.count()).toBe(6);
      await page.getByLabel('Property', { exact: true }).fill('plan');
      await page.getByLabel('Value').fill('pro');
      await page.getByRole('button', { name: 'Add' }).click();
      await expect.poll(() => rows.count()).toBe(4);
      await page.getByLabel('Time').selectOption({ label: 'Last 24 hours' });
      await expect.poll(() => rows.count()).toBe(1);
      await page.reload();
      await expect.poll(() => rows.count()).toBe(1);
      await page.getByRole('button', { name: 'plan is pro' }).click();
      await page.getByLabel('Company id').fill('c-none');
      await page.getByLabel('Company id').press('Enter');
      await page.getByText('No event is like that').waitFor();
      await page.getByRole('button', { name: 'Show all events' }).click();
      await expect.poll(() => rows.count()).toBeGreaterThan(6);
    });
  });

  test('opens an event, which leads to its person', async () => {
    await as(owner, async (page) => {
      await page.goto('/events/explorer?event=invoice_paid&user=u-grace');
      await page.getByRole('row').nth(1).waitFor();
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      const opened = page.getByRole('region', { name: 'Opened event' });
      await opened.getByRole('table', { name: 'Properties' }).waitFor();
      await expectAccessible(page, 'an opened event');
      await opened.getByRole('link', { name: 'u-grace', exact: true }).click();
      await page.getByRole('heading', { name: 'Grace Hopper' }).waitFor();
    });
  });

  test('opens one event by its address, whatever the list shows', async () => {
    const oldest = '/v1/events?after=start&limit=1';
    const { data } = await server.json<Schemas['EventPage']>('GET', oldest, { key: server.key });
    const position = data[0]?.position ?? '';
    await as(owner, async (page) => {
      await page.goto(`/events/explorer?opened=${position}&event=step_taken`);
      const opened = page.getByRole('region', { name: 'Opened event' });
      await opened.getByRole('row', { name: /^plan\s+trial/ }).waitFor();
      await opened.getByText('It is not among the events listed here').waitFor();
      await expectAccessible(page, 'an event that is not in the list');
      // Its position leads to it alone.
      await opened.getByRole('link', { name: position }).click();
      await page.waitForURL((url) => !url.searchParams.has('event'));
      expect(parameter(page, 'opened')).toBe(position);
      await opened.getByRole('row', { name: /^plan\s+trial/ }).waitFor();

      await page.goto(`/events/explorer?opened=${position.split('-')[0]}-999999`);
      await opened.getByText('The address names no event of this environment').waitFor();
    });
  });

  test('a refused question says why, with the id of the request', async () => {
    await as(viewer, async (page) => {
      await page.goto(`/events/explorer?property=${encodeURIComponent('["email:grace@example.com"]')}`);
      const alert = page.getByRole('alert');
      await alert.getByText('The events could not be read').waitFor();
      expect(await alert.locator('code').last().innerText()).toMatch(/\S{8,}/);
      await alert.getByText('Ask an admin').waitFor();
    });
  });

  test('says what to do where nothing has happened', async () => {
    const made = await server.json<{ id: number }>('POST', '/v1/environments', {
      cookie: owner,
      body: { name: 'Staging' },
    });
    await as(owner, async (page) => {
      for (const path of ['/events', '/events/explorer']) {
        await page.goto(`${path}?environment=${made.id}`);
        await page.getByText('Nothing has happened yet').waitFor();
        await page.getByRole('button', { name: 'Copy a call' }).click();
        expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('/v1/track');
      }
      await page.goto(`/events/properties?environment=${made.id}&owner=company`);
      await page.getByText('No company has properties yet').waitFor();
    });
  });
});

describe('The catalogue of properties', () => {
  test('shows where values do not agree, and lets an admin say what is meant', async () => {
    await as(owner, async (page) => {
      await page.goto('/events/properties?owner=event');
      await page.getByLabel('Only conflicts').check();
      await page.getByRole('row', { name: /amount/ }).waitFor();
      await expect.poll(() => page.getByRole('row').count()).toBe(2);
      await page.getByRole('row', { name: /amount/ }).click();
      const opened = page.getByRole('region', { name: 'Opened property' });
      await opened.getByText('number sent as text').waitFor();
      await expectAccessible(page, 'a property in conflict');
      await opened.getByLabel('What it is meant to be').selectOption({ label: 'number' });
      await page.getByText('It was declared to be number').waitFor();
      await page.reload();
      await page.getByText('It was declared to be number').waitFor();
      await page.goto('/settings/audit');
      await page.getByText('said what the event property amount is').waitFor();
    });
  });

  test('marks personal data, which viewers then do not see', async () => {
    await as(owner, async (page) => {
      await page.goto('/events/properties?opened=badge');
      await page.getByLabel('Personal data').click();
      await page.getByText('It is personal data').waitFor();
      await page.goto('/settings/personal-data');
      await page.getByRole('button', { name: 'Show badge to viewers' }).waitFor();
      expect(await page.getByRole('alert').count(), 'nothing failed').toBe(0);
    });
    await as(viewer, async (page) => {
      await page.goto('/events/properties?opened=badge');
      const opened = page.getByRole('region', { name: 'Opened property' });
      await opened.getByText('•••').first().waitFor();
      expect(await page.locator('body').innerText()).not.toContain('B-17');
      expect(await page.getByLabel('What it is meant to be').count()).toBe(0);
    });
    const user = await server.json<Schemas['User']>('GET', `/v1/users/${ADA}`, {
      cookie: viewer,
      environment: 1,
    });
    expect(user.masked).toContain('badge');
  });
});

describe('A person as of a time', () => {
  test('is drawn as they were, and the page says that it shows the past', async () => {
    await as(owner, async (page) => {
      await page.goto(`/users/${ADA}`);
      const plan = page.getByRole('row', { name: /^plan/ });
      await expect.poll(() => plan.innerText()).toMatch(/^plan\s+pro/);
      await page.getByText('Everything as it is now').waitFor();

      await page.goto(`/users/${ADA}?as_of=${encodeURIComponent(daysAgo(5))}`);
      await expect.poll(() => plan.innerText()).toMatch(/^plan\s+free/);
      await page.getByText('The past', { exact: true }).waitFor();
      const timeline = page.getByRole('region', { name: 'Timeline' });
      await timeline
        .getByRole('button', { name: /Profile changed/ })
        .first()
        .waitFor();
      expect(await timeline.getByRole('button', { name: /pricing/ }).count(), 'later').toBe(0);
      await expectAccessible(page, 'the past');

      await page.getByRole('button', { name: 'Back to now' }).click();
      await expect.poll(() => plan.innerText()).toMatch(/^plan\s+pro/);
      expect(parameter(page, 'as_of')).toBeNull();
    });
  });

  test('the slider goes back to the first that is known, by keyboard too', async () => {
    await as(owner, async (page) => {
      await page.goto(`/users/${ADA}`);
      const slider = page.getByRole('slider', { name: 'As of' });
      await slider.focus();
      expect(await slider.getAttribute('aria-valuetext')).toBe('now');
      await page.keyboard.press('Home');
      await page.waitForURL((url) => url.searchParams.has('as_of'));
      await expect.poll(() => page.getByRole('row', { name: /^plan/ }).innerText()).toMatch(/^plan\s+trial/);
      await slider.focus();
      await page.keyboard.press('End');
      await page.waitForURL((url) => !url.searchParams.has('as_of'));
    });
  });

  test('before they were known there was nobody', async () => {
    await as(owner, async (page) => {
      await page.goto(`/users/${ADA}?as_of=2020-01-01T00:00:00Z`);
      await page.getByText('Nobody was known by this id then').waitFor();
    });
  });
});
