/** Reports: a question, its answer, the people behind each number, and what is kept of it. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, launch, parameter, SMALL, visiting } from './browser.ts';
import { Server } from './server.ts';
import { daysAgo, populateAsking } from './world.ts';

let server: Server;
let browser: Browser;
let owner: string;
let viewer: string;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  owner = await server.becomeOwner();
  viewer = await server.join(owner, 'viewer', 'Vera Viewer');
  await populateAsking(server);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const as = visiting(() => ({ browser, address: server.address }));

const people = (page: Page) => page.getByRole('region', { name: 'People behind the number' });
const companies = (page: Page) => page.getByRole('region', { name: 'Companies behind the number' });
const countCompanies = (page: Page) =>
  page.getByRole('group', { name: 'Whom it counts' }).getByText('Companies').click();
const question = (question: object) => `question=${encodeURIComponent(JSON.stringify(question))}`;

const FUNNEL = {
  steps: [{ event: 'signed_up' }, { event: 'report_opened' }, { event: 'invoice_paid' }],
};

async function make(name: string, kind: string, question: object): Promise<number> {
  const body = { name, kind, question };
  return (await server.json<{ id: number }>('POST', '/v1/reports', { key: server.key, body })).id;
}

describe('A funnel', () => {
  test('is built, its numbers open the people behind them, and it is saved', async () => {
    await as(owner, async (page) => {
      await page.goto('/reports');
      await page.getByText('No report was saved yet').waitFor();
      await expectAccessible(page, 'no report');
      await page.getByRole('link', { name: /New funnel/ }).click();
      await page.getByText('The question is not finished').waitFor();
      await page.getByLabel('Step 1: event').selectOption({ label: 'signed_up' });
      await page.getByLabel('Step 2: event').selectOption({ label: 'report_opened' });
      await page.getByText('4 of 8 users took every step').waitFor();
      await page.getByRole('button', { name: '+ Step' }).click();
      await page.getByText('The question is not finished').waitFor();
      await page.getByLabel('Step 3: event').selectOption({ label: 'invoice_paid' });
      await page.getByText('2 of 8 users took every step').waitFor();
      await page.getByRole('img', { name: 'Shares that came to each of 3 steps' }).locator('svg').waitFor();
      await expectAccessible(page, 'a funnel');

      // Another person who is shown this address sees the same.
      await page.reload();
      await page.getByText('2 of 8 users took every step').waitFor();

      const came = page.getByRole('button', { name: '4: came to 2 report_opened' });
      await came.focus();
      await page.keyboard.press('Enter');
      await people(page).getByRole('heading', { name: '4 people' }).waitFor();
      await expect.poll(() => people(page).getByRole('listitem').count()).toBe(4);
      await expectAccessible(page, 'the people behind a number');
      await page.keyboard.press('Escape');
      await people(page).waitFor({ state: 'detached' });
      await expect.poll(() => came.evaluate((element) => element === document.activeElement)).toBe(true);
      await page.getByRole('button', { name: '2: stopped at 2 report_opened' }).click();
      await people(page).getByRole('heading', { name: '2 people' }).waitFor();
      const stopped = async () => (await people(page).getByRole('link').allInnerTexts()).toSorted();
      await expect.poll(stopped).toEqual(['p-2', 'p-3']);
      await page.reload();
      await people(page).getByRole('heading', { name: '2 people' }).waitFor();
      await people(page).getByRole('button', { name: 'Close' }).click();

      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await page.getByRole('dialog').getByLabel('Name').fill('To the first invoice');
      await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
      await page.getByRole('heading', { name: 'To the first invoice' }).waitFor();
      await page.getByText('2 of 8 users took every step').waitFor();
      await page.waitForURL((url) => !url.searchParams.has('question'));
      await page.goto('/reports');
      await page.getByRole('link', { name: 'To the first invoice' }).click();
      await page.getByLabel('What is counted').selectOption('attempts');
      await page.getByText('changed since it was saved').waitFor();
      await page.getByRole('button', { name: 'Save the changes' }).click();
      await page.getByText('changed since it was saved').waitFor({ state: 'detached' });
      await page.reload();
      await page.getByText(/attempts took every step/).waitFor();
    });
  });

  test('is told apart by a property, and only of a segment or a filter', async () => {
    const body = { name: 'Pro', level: 'user', text: 'plan is "pro"' };
    await server.json('POST', '/v1/segments', { key: server.key, body });
    await as(owner, async (page) => {
      await page.goto(`/reports/funnel?${question(FUNNEL)}`);
      await page.getByLabel('Break down').selectOption({ label: 'by plan' });
      const table = page.getByRole('region', { name: 'The funnel as a table' });
      await table.getByRole('rowheader', { name: 'pro', exact: true }).waitFor();
      const numbers = table.getByRole('button', { name: /came to 1 signed_up/ });
      const counts = await numbers.allInnerTexts();
      // Everybody first, then what adds up to it.
      expect(counts.slice(1).reduce((sum, each) => sum + Number(each), 0)).toBe(Number(counts[0]));
      await page.getByRole('combobox', { name: 'Who', exact: true }).selectOption({ label: 'Pro' });
      await page.getByText('1 of 3 users took every step').waitFor();
      await page.getByRole('combobox', { name: 'Who', exact: true }).selectOption('filter');
      await page.getByRole('button', { name: 'Filter', exact: true }).click();
      const row = page.getByRole('group', { name: 'Condition 1' });
      await row.getByLabel('Property').fill('plan');
      await row.getByLabel('Value').fill('free');
      await page.getByRole('button', { name: 'Show them' }).click();
      await page.getByText(/of 3 users took every step/).waitFor();
      await page.getByText('plan is "free"').waitFor();
    });
  });

  test('is told apart and filtered by what users were at the time of the event', async () => {
    // p-0 was on trial when they signed up; of the others nothing was known by then.
    const body = { user_id: 'p-0', metadata: { plan: 'trial' }, occurred_at: daysAgo(5) };
    expect((await server.call('POST', '/v1/identify', { key: server.key, body })).status).toBe(202);
    await as(owner, async (page) => {
      await page.goto(`/reports/funnel?${question(FUNNEL)}`);
      await page.getByLabel('Break down').selectOption({ label: 'by plan' });
      const row = (name: string) =>
        page
          .getByRole('region', { name: 'The funnel as a table' })
          .getByRole('rowheader', { name, exact: true });
      await row('pro').waitFor();
      await page.getByLabel('Which value of the user').selectOption({ label: 'as it was at the event' });
      await row('trial').waitFor();
      await row('without a value').waitFor();
      expect(await row('pro').count()).toBe(0);
      await expectAccessible(page, 'a funnel by what users were');
      // Another person who is shown this address sees the same.
      await page.reload();
      await row('trial').waitFor();
      const step = page.getByRole('group', { name: 'Step 1', exact: true });
      await step.getByRole('button', { name: '+ where' }).click();
      await step.getByLabel('Whose property').selectOption({ label: 'the user’s, then' });
      await step.getByLabel('Property of the user').fill('plan');
      await step.getByLabel('Values').fill('trial');
      await page.keyboard.press('Enter');
      await page.getByText(/1 of 1 users? took every step/).waitFor();
      await row('without a value').waitFor({ state: 'detached' });
    });
  });
});

describe('A trend', () => {
  test('shows lines, their table and the people of an interval', async () => {
    await as(owner, async (page) => {
      await page.goto('/reports/trend');
      await page.getByLabel('Series A: event').selectOption({ label: 'report_opened' });
      await page
        .getByRole('img', { name: /report_opened, times: a line over time/ })
        .locator('svg')
        .waitFor();
      await page.getByLabel('Measure').selectOption('unique_users');
      const whole = page.getByRole('button', { name: '4: report_opened, different users', exact: true });
      await whole.click();
      await people(page).getByRole('heading', { name: '4 people' }).waitFor();
      await page.keyboard.press('Escape');
      await page.getByLabel('Beside the time before').check();
      await page.getByRole('columnheader', { name: 'report_opened, different users, before' }).waitFor();
      await page.getByLabel('Beside the time before').uncheck();
      await page.getByRole('button', { name: '+ Series' }).click();
      await page.getByLabel('Series B: event').selectOption({ label: 'invoice_paid' });
      await page.getByLabel('Measure').nth(1).selectOption('sum');
      await page.getByLabel('Property', { exact: true }).selectOption('amount');
      await page.getByRole('button', { name: '+ Formula' }).click();
      await page.getByRole('textbox', { name: 'Formula 1' }).fill('B / A');
      await page.getByRole('columnheader', { name: 'B / A', exact: true }).waitFor();
      await expectAccessible(page, 'a trend');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Download as CSV' }).click(),
      ]);
      expect(download.suggestedFilename()).toBe('trend.csv');
    });
  });

  test('that cannot be asked says why, with the id of the request', async () => {
    await as(owner, async (page) => {
      const wrong = {
        series: [{ active: true, measure: 'total' }],
        formulas: [{ name: 'x', formula: 'A +' }],
      };
      await page.goto(`/reports/trend?${question(wrong)}`);
      const alert = page.getByRole('alert');
      await alert.getByText('The report could not be answered').waitFor();
      expect(await alert.locator('code').last().innerText()).not.toBe('');
      await expectAccessible(page, 'a question that cannot be asked');
    });
  });
});

describe('A question that takes long', () => {
  test('says how far it is until its answer comes', async () => {
    await as(owner, async (page) => {
      // The answer is held back, and what is told meanwhile is that of a large question.
      let named: string | undefined;
      let letGo = () => {};
      const held = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      await page.route('**/v1/reports/funnel', async (route) => {
        named = route.request().headers()['muster-question'];
        await held;
        await route.continue();
      });
      await page.route('**/v1/questions/*', (route) =>
        route.fulfill({ json: { events_done: 1_200_000, events_all: 5_000_000 } }),
      );
      const asked = page.waitForRequest('**/v1/questions/*');
      await page.goto(`/reports/funnel?${question(FUNNEL)}`);
      expect(new URL((await asked).url()).pathname).toBe(`/v1/questions/${named}`);
      await page.getByText('1,200,000 of 5,000,000 events looked at').waitFor();
      const bar = page.getByRole('progressbar', { name: 'Events looked at' });
      expect(await bar.getAttribute('aria-valuenow')).toBe('24');
      await expectAccessible(page, 'a question at work');
      letGo();
      await page.getByText('2 of 8 users took every step').waitFor();
      await bar.waitFor({ state: 'detached' });
    });
  });
});

describe('Retention and paths', () => {
  test('retention opens the people of a cohort and of a return', async () => {
    await as(owner, async (page) => {
      const asked = { start: { event: 'signed_up' }, returning: { event: 'report_opened' }, each: 'day' };
      await page.goto(`/reports/retention?${question(asked)}`);
      const table = page.getByRole('region', { name: 'Who came back, by when they began' });
      await table.waitFor();
      await expectAccessible(page, 'retention');
      await table.getByRole('button', { name: /^8: began/ }).click();
      await people(page).getByRole('heading', { name: '8 people' }).waitFor();
      await page.keyboard.press('Escape');
      await table.getByRole('button', { name: /^50%: .* came back in day 1/ }).click();
      await people(page).getByRole('heading', { name: '4 people' }).waitFor();
    });
  });

  test('retention is asked of days and of dates as well', async () => {
    await as(owner, async (page) => {
      await page.goto('/reports/retention');
      await page.getByLabel('Start: event').selectOption({ label: 'signed_up' });
      await page.getByLabel('Each', { exact: true }).selectOption('day');
      const rows = page
        .getByRole('region', { name: 'Who came back, by when they began' })
        .locator('tbody')
        .getByRole('row');
      await expect.poll(() => rows.count()).toBe(12);
      const time = page.getByLabel('Time', { exact: true });
      await time.selectOption({ label: 'Last 7 days' });
      await expect.poll(() => rows.count()).toBe(7);
      await time.selectOption('between');
      await page.getByLabel('From', { exact: true }).fill(daysAgo(4).slice(0, 10));
      await page.getByLabel('Until before', { exact: true }).fill(daysAgo(2).slice(0, 10));
      await expect.poll(() => rows.count()).toBe(2);
      await rows
        .nth(1)
        .getByRole('button', { name: /^8: began/ })
        .waitFor();
      await expectAccessible(page, 'retention of dates');
      await time.selectOption('other');
      await expect.poll(() => page.getByLabel('Intervals').inputValue()).toBe('12');
      await expect.poll(() => rows.count()).toBe(12);
    });
  });

  test('a number is typed as it comes, and held to its bounds when it is left', async () => {
    await as(owner, async (page) => {
      await page.goto('/reports/path');
      const levels = page.getByLabel('Levels');
      const asked = () => (JSON.parse(parameter(page, 'question') ?? '{}') as { levels?: number }).levels;
      await levels.fill('');
      await levels.pressSequentially('10');
      await expect.poll(asked).toBe(10);
      expect(await levels.inputValue()).toBe('10');
      await levels.fill('');
      await levels.press('Tab');
      await expect.poll(() => levels.inputValue()).toBe('10');
      await levels.fill('1');
      await levels.press('Tab');
      await expect.poll(() => levels.inputValue()).toBe('2');
      await expect.poll(asked).toBe(2);
    });
  });

  test('a path shows what came next, and who went there', async () => {
    await as(owner, async (page) => {
      await page.goto('/reports/path');
      await page.getByLabel('Event: event').selectOption({ label: 'signed_up' });
      await page.getByLabel('all within', { exact: true }).fill('7');
      const second = page.getByRole('region', { name: 'Step 2' });
      await second.getByText('report_opened').waitFor();
      await page
        .getByRole('img', { name: /Paths over/ })
        .locator('svg')
        .waitFor();
      await expectAccessible(page, 'a path');
      await second.getByRole('button', { name: '4: report_opened as step 2' }).click();
      await people(page).getByRole('heading', { name: '4 people' }).waitFor();
    });
  });
});

describe('Companies', () => {
  test('go through a funnel by what all their people do, and stand behind its numbers', async () => {
    const body = { name: 'Software', level: 'company', text: 'company.industry is "Software"' };
    await server.json('POST', '/v1/segments', { key: server.key, body });
    await as(owner, async (page) => {
      await page.goto(`/reports/funnel?${question({ ...FUNNEL, breakdown: { user: 'plan' } })}`);
      await page.getByText('2 of 8 users took every step').waitFor();
      await countCompanies(page);
      await page.getByText('2 of 2 companies took every step').waitFor();
      // What tells users apart tells no companies apart.
      const apart = page.getByLabel('Break down');
      await expect.poll(() => apart.inputValue()).toBe('');
      expect(await apart.locator('optgroup[label^="Of the user"]').count()).toBe(0);
      expect(await page.getByLabel('What is counted').locator('option').first().innerText()).toBe(
        'each company once',
      );
      await apart.selectOption({ label: 'by industry' });
      const table = page.getByRole('region', { name: 'The funnel as a table' });
      await table.getByRole('rowheader', { name: 'Logistics', exact: true }).waitFor();
      await expectAccessible(page, 'a funnel of companies');
      await table.getByRole('button', { name: '2: came to 1 signed_up' }).first().click();
      await companies(page).getByRole('heading', { name: '2 companies' }).waitFor();
      const listed = async () => (await companies(page).getByRole('link').allInnerTexts()).toSorted();
      await expect.poll(listed).toEqual(['c-0', 'c-1']);
      await expectAccessible(page, 'the companies behind a number');
      await companies(page).getByRole('link', { name: 'c-1' }).click();
      await page.waitForURL('**/companies/c-1');
      await page.goBack();
      await page.keyboard.press('Escape');
      await page.getByRole('combobox', { name: 'Who', exact: true }).selectOption({ label: 'Software' });
      await page.getByText('1 of 1 company took every step').waitFor();
      await page.reload();
      await page.getByText('1 of 1 company took every step').waitFor();
      await page.getByRole('group', { name: 'Whom it counts' }).getByText('Users').click();
      await page.getByText('2 of 8 users took every step').waitFor();
    });
  });

  test('are counted over time, and stand behind the counts', async () => {
    await as(owner, async (page) => {
      const series = [{ event: 'report_opened', measure: 'wau' }];
      await page.goto(`/reports/trend?${question({ series, interval: 'day', last_days: 7 })}`);
      await page.getByRole('columnheader', { name: 'report_opened, weekly active users' }).waitFor();
      await countCompanies(page);
      const counted = 'report_opened, weekly active companies';
      await page.getByRole('columnheader', { name: counted }).waitFor();
      await expectAccessible(page, 'a trend of companies');
      await page.getByRole('button', { name: `2: ${counted}`, exact: true }).click();
      await companies(page).getByRole('heading', { name: '2 companies' }).waitFor();
    });
  });

  test('come back, and have a path', async () => {
    await as(owner, async (page) => {
      const asked = { start: { event: 'signed_up' }, returning: { event: 'report_opened' }, each: 'day' };
      await page.goto(`/reports/retention?${question(asked)}`);
      const table = page.getByRole('region', { name: 'Who came back, by when they began' });
      await table.getByRole('columnheader', { name: 'People' }).waitFor();
      await countCompanies(page);
      await table.getByRole('columnheader', { name: 'Companies' }).waitFor();
      await table.getByRole('button', { name: /^100%: .* came back in day 1/ }).click();
      await companies(page).getByRole('heading', { name: '2 companies' }).waitFor();
      await expectAccessible(page, 'retention of companies');

      await page.goto(`/reports/path?${question({ anchor: { event: 'signed_up' }, window: { days: 7 } })}`);
      await countCompanies(page);
      const second = page.getByRole('region', { name: 'Step 2' });
      await second.getByRole('button', { name: '2: report_opened as step 2' }).click();
      await companies(page).getByRole('heading', { name: '2 companies' }).waitFor();
      await expectAccessible(page, 'a path of companies');
    });
  });
});

describe('Kept reports', () => {
  test('stand together on a dashboard, from which a number leads to its people', async () => {
    await make('Ways to pay', 'funnel', FUNNEL);
    await make('Opened', 'trend', { series: [{ event: 'report_opened', measure: 'total' }] });
    await as(owner, async (page) => {
      await page.goto('/dashboards');
      await page.getByText('No dashboard yet').waitFor();
      await page.getByRole('button', { name: 'New dashboard' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Name').fill('Every Monday');
      await dialog.getByLabel('Opened').check();
      await dialog.getByLabel('Ways to pay').check();
      await dialog.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('heading', { name: 'Every Monday' }).waitFor();
      const shown = page.getByRole('region', { name: 'Ways to pay' });
      await shown.getByText('2 of 8 users took every step').waitFor();
      await page.getByRole('region', { name: 'Opened' }).locator('svg').first().waitFor();
      await expectAccessible(page, 'a dashboard');
      await shown.getByRole('button', { name: '4: came to 2 report_opened' }).click();
      await people(page).getByRole('heading', { name: '4 people' }).waitFor();
      await page.goto('/dashboards');
      await page.getByRole('link', { name: 'Every Monday' }).click();
      await page.getByRole('button', { name: 'Delete' }).click();
      await page.getByRole('dialog').getByLabel(/^Type/).fill('Every Monday');
      await page.getByRole('dialog').getByRole('button', { name: 'Delete the dashboard' }).click();
      await page.getByText('No dashboard yet').waitFor();
    });
  });

  test('are only looked at by viewers, and fit a phone', async () => {
    const id = await make('For all', 'funnel', FUNNEL);
    await as(
      viewer,
      async (page) => {
        await page.goto(`/reports/funnel?report=${id}`);
        await page.getByText('2 of 8 users took every step').waitFor();
        expect(await page.getByRole('button', { name: /^Save/ }).count()).toBe(0);
        expect(await page.getByRole('button', { name: 'Delete' }).count()).toBe(0);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(overflow).toBeLessThanOrEqual(0);
        await page.getByRole('button', { name: '4: came to 2 report_opened' }).click();
        await people(page).getByRole('heading', { name: '4 people' }).waitFor();
        await expectAccessible(page, 'people on a phone');
      },
      { viewport: SMALL, colorScheme: 'dark' },
    );
  });
});
