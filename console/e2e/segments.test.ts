/** Segments: built, counted while people arrive, explained; lists of ids; and filters of users and companies. */
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

const matches = (page: Page) => page.getByRole('region', { name: 'Who matches now' });
const condition = (page: Page, number: number) => page.getByRole('group', { name: `Condition ${number}` });

async function identify(user_id: string, metadata: object): Promise<void> {
  const answer = await server.call('POST', '/v1/identify', {
    key: server.key,
    body: { user_id, metadata },
  });
  expect(answer.ok).toBe(true);
}

async function make(body: object): Promise<number> {
  const made = await server.json<{ id: number }>('POST', '/v1/segments', { key: server.key, body });
  return made.id;
}

describe('A segment', () => {
  test('is built, counted while people arrive, saved, listed on a person and explained', async () => {
    await as(owner, async (page) => {
      await page.goto('/segments');
      await page.getByText('No segment yet').waitFor();
      await expectAccessible(page, 'no segment');
      await page.getByRole('link', { name: 'New segment' }).first().click();
      await page.getByLabel('Name').fill('Paying');
      await condition(page, 1).getByLabel('Property').fill('plan');
      await condition(page, 1).getByLabel('Value').fill('pro');
      await matches(page).getByText('3 people match now').waitFor();
      await matches(page).getByText('plan is "pro"').waitFor();
      await matches(page).getByRole('link', { name: 'p-0', exact: true }).waitFor();

      // Somebody arrives, and the number follows by itself.
      await identify('p-new', { plan: 'pro', seats: 3 });
      await matches(page).getByText('4 people match now').waitFor();

      // The operators follow the type of the property.
      await page.getByRole('button', { name: 'Add a condition' }).click();
      await page.getByRole('menuitem', { name: 'An event' }).click();
      await page.getByText('One condition is not finished').waitFor();
      expect(await page.getByRole('button', { name: 'Save the segment' }).isDisabled()).toBe(true);
      await condition(page, 2).getByLabel('Event').selectOption({ label: 'report_opened' });
      await condition(page, 2).getByLabel('When').selectOption('last_days');
      await matches(page).getByText('2 people match now').waitFor();
      await page.getByRole('button', { name: 'Add a group' }).click();
      const group = page.getByRole('group', { name: 'A group' });
      await group.getByLabel('Property').fill('seats');
      await group.getByLabel('Comparison').selectOption('numeric:above');
      await group.getByLabel('Value').fill('10');
      await matches(page).getByText('1 person matches now').waitFor();
      await expectAccessible(page, 'the builder');

      await page.getByRole('button', { name: 'Save the segment' }).click();
      await page.getByRole('heading', { name: 'Paying' }).waitFor();
      await page.getByText('plan is "pro" and did "report_opened"').first().waitFor();
      const members = page.getByRole('region', { name: 'Members', exact: true });
      await members.getByText('1 person', { exact: true }).waitFor();
      await members.getByRole('link', { name: 'Why p-3 is in' }).click();
      await page.waitForURL((url) => url.searchParams.get('explain') === 'p-3');
      const why = page.getByRole('region', { name: 'Why somebody is in or out' });
      await why.getByText('p-3 is in this segment.').waitFor();
      const seats = why.getByRole('listitem').filter({ hasText: 'seats > 10' }).last();
      expect(await seats.innerText()).toMatch(/holds/);
      expect(await seats.innerText()).toContain('is 30');
      await expectAccessible(page, 'a segment with its reasons');

      await why.getByLabel('User id').fill('p-1');
      await why.getByLabel('User id').press('Enter');
      await why.getByText('p-1 is not in this segment.').waitFor();

      await page.goto('/users/p-3');
      const listed = page.getByRole('region', { name: 'Segments' });
      await listed.getByRole('link', { name: 'Paying', exact: true }).click();
      await page.getByRole('heading', { name: 'Paying' }).waitFor();
    });
  });

  test('is written as text, which the builder reads', async () => {
    await as(owner, async (page) => {
      await page.goto('/segments/new');
      await page.getByLabel('Name').fill('Large');
      await page.getByText('Text', { exact: true }).click();
      const text = page.getByLabel('The rule as text');
      await text.fill('seats between 5');
      await page.getByText('column 16').waitFor();
      await expect.poll(() => text.getAttribute('aria-invalid')).toBe('true');
      await expectAccessible(page, 'a rule that cannot be read');
      expect(await page.getByRole('button', { name: 'Save the segment' }).isDisabled()).toBe(true);
      await text.fill('seats between 5 and 45 and not plan is "free"');
      await matches(page).getByText('2 people match now').waitFor();
      await page.getByText('Builder', { exact: true }).click();
      await expect
        .poll(() => condition(page, 1).getByLabel('Comparison').inputValue())
        .toBe('numeric:between');
      await expect.poll(() => condition(page, 1).getByLabel('To', { exact: true }).inputValue()).toBe('45');
      await expect
        .poll(() => condition(page, 2).getByRole('button', { name: 'not' }).getAttribute('aria-pressed'))
        .toBe('true');
      await condition(page, 1).getByLabel('To', { exact: true }).fill('25');
      await matches(page).getByText('1 person matches now').waitFor();
    });
  });

  test('is changed, and refused when somebody else was faster', async () => {
    const id = await make({ name: 'Changing', level: 'user', text: 'plan is "pro"' });
    await as(owner, async (page) => {
      await page.goto(`/segments/${id}`);
      await page.getByRole('link', { name: 'Edit' }).click();
      await page.getByLabel('Name').fill('Changed');
      await server.json('PUT', `/v1/segments/${id}`, {
        key: server.key,
        body: { name: 'Faster', level: 'user', text: 'plan is "free"' },
      });
      await page.getByRole('button', { name: 'Save the changes' }).click();
      const alert = page.getByRole('alert');
      await alert.getByText('The segment was not saved').waitFor();
      // The id under which the log knows it.
      expect(await alert.locator('code').last().innerText()).not.toBe('');
      await page.reload();
      await expect.poll(() => page.getByLabel('Name').inputValue()).toBe('Faster');
      await page.getByLabel('Name').fill('Changed');
      await page.getByRole('button', { name: 'Save the changes' }).click();
      await page.getByRole('heading', { name: 'Changed', exact: true }).waitFor();
    });
  });

  test('is deleted once its name was typed, and not while another one needs it', async () => {
    const id = await make({ name: 'Needed', level: 'user', text: 'plan is "pro"' });
    const other = await make({ name: 'Needs it', level: 'user', text: `in segment ${id}` });
    await as(owner, async (page) => {
      await page.goto(`/segments/${id}`);
      await page.getByRole('button', { name: 'Delete' }).click();
      const dialog = page.getByRole('dialog');
      const act = dialog.getByRole('button', { name: 'Delete the segment' });
      expect(await act.isDisabled()).toBe(true);
      await dialog.getByLabel(/^Type/).fill('Needed');
      await act.click();
      await dialog.getByText('Needs it').waitFor();
      await expectAccessible(page, 'a refused deletion');
      await server.call('DELETE', `/v1/segments/${other}`, { key: server.key });
      await act.click();
      await page.waitForURL((url) => url.pathname === '/segments');
      await page.getByRole('link', { name: 'Needed', exact: true }).waitFor({ state: 'detached' });
    });
  });

  test('of companies has companies', async () => {
    const id = await make({ name: 'Software', level: 'company', text: 'company.industry is "Software"' });
    await as(owner, async (page) => {
      await page.goto(`/segments/${id}`);
      await page
        .getByRole('region', { name: 'Members of Software' })
        .getByRole('link', { name: 'c-0', exact: true })
        .click();
      await page
        .getByRole('region', { name: 'Segments' })
        .getByRole('link', { name: 'Software', exact: true })
        .waitFor();
    });
  });

  test('goes back in time, with its count, its members and why', async () => {
    const id = await make({
      name: 'Not yet reading',
      level: 'user',
      text: 'did "signed_up" and not did "report_opened"',
    });
    await as(owner, async (page) => {
      await page.goto(`/segments/${id}`);
      const members = page.getByRole('region', { name: 'Members', exact: true });
      await members.getByText('4 people', { exact: true }).waitFor();
      // Eight signed up three days ago; the first reports were opened a day later.
      await page.getByLabel('As of', { exact: true }).first().fill(daysAgo(2.5).slice(0, 16));
      await page.keyboard.press('Enter');
      await page.waitForURL((url) => url.searchParams.has('as_of'));
      await members.getByText('8 people then', { exact: true }).waitFor();
      await members.getByRole('link', { name: 'Why p-0 was in' }).click();
      const why = page.getByRole('region', { name: 'Why somebody is in or out' });
      await why.getByText('p-0 was in this segment.').waitFor();
      await expectAccessible(page, 'a segment in the past');

      // The address is all that is needed to see it again.
      await page.reload();
      await members.getByText('8 people then', { exact: true }).waitFor();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Download as CSV' }).click(),
      ]);
      const chunks: Buffer[] = [];
      for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).toString().trim().split(/\r?\n/)).toHaveLength(9);
      await members.getByRole('link', { name: 'p-0', exact: true }).click();
      await page.waitForURL((url) => url.pathname === '/users/p-0' && url.searchParams.has('as_of'));
      const then = page.getByRole('region', { name: 'Segments' });
      await then.getByRole('link', { name: 'Not yet reading', exact: true }).waitFor();
      await expectAccessible(page, 'the segments that somebody was in');
      await page.goBack();
      await page.getByRole('button', { name: 'Back to now' }).click();
      await members.getByText('4 people', { exact: true }).waitFor();
      expect(parameter(page, 'as_of')).toBeNull();
      await page.goto(`/segments/${id}?as_of=2020-01-01T00:00:00Z`);
      await page.getByText('Nobody matched the rule then.').waitFor();
      await page.goto(`/segments/${id}?as_of=2999-01-01T00:00:00Z`);
      await page.getByText('The members could not be read').waitFor();
    });
  });

  test('is found with the palette, opened with the keyboard, and given as a file', async () => {
    const id = await make({ name: 'Free riders', level: 'user', text: 'plan is "free"' });
    await as(owner, async (page) => {
      await page.goto('/segments');
      await page.getByRole('link', { name: 'Free riders' }).waitFor();
      await page.keyboard.press('/');
      await page.keyboard.type('riders');
      await page.waitForURL((url) => url.searchParams.get('q') === 'riders');
      await page.getByRole('row').nth(2).waitFor({ state: 'detached' });
      // Out of the field; what it searched for goes with it.
      await page.keyboard.press('Escape');
      await page.waitForURL((url) => url.searchParams.get('q') === null);
      await page.keyboard.press('j');
      await page.waitForURL((url) => url.searchParams.get('row') !== null);
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox').fill('riders');
      await page.getByRole('option', { name: /Free riders/ }).waitFor();
      await page.keyboard.press('Enter');
      await page.waitForURL((url) => url.pathname === `/segments/${id}`);
      await page.getByLabel('Order').selectOption('id');
      await page.waitForURL((url) => url.searchParams.get('sort') === 'id');
      const rows = page.getByRole('region', { name: 'Members of Free riders' }).getByRole('row');
      await rows.nth(1).filter({ hasText: 'p-1' }).waitFor();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Download as CSV' }).click(),
      ]);
      expect(download.suggestedFilename()).toBe('Free-riders.csv');
      const chunks: Buffer[] = [];
      for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
      const lines = Buffer.concat(chunks).toString().trim().split(/\r?\n/);
      expect(lines[0]).toContain('id');
      expect(lines.slice(1).map((line) => line.split(',')[0])).toEqual(['p-1', 'p-4', 'p-7']);
    });
  });

  test('is only looked at by viewers, and fits a phone', async () => {
    const id = await make({ name: 'For eyes', level: 'user', text: 'plan is "pro"' });
    await as(viewer, async (page) => {
      await page.goto('/segments');
      await page.getByRole('link', { name: 'For eyes' }).waitFor();
      expect(await page.getByRole('link', { name: 'New segment' }).count()).toBe(0);
      await page.goto(`/segments/${id}`);
      await page.getByRole('region', { name: 'Members of For eyes' }).waitFor();
      expect(await page.getByRole('button', { name: 'Delete' }).count()).toBe(0);
      expect(await page.getByRole('columnheader', { name: 'email' }).count()).toBe(0);
    });
    await as(
      owner,
      async (page) => {
        await page.goto(`/segments/${id}/edit`);
        await matches(page)
          .getByText(/people match now/)
          .waitFor();
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(overflow).toBeLessThanOrEqual(0);
        await expectAccessible(page, 'the builder on a phone');
      },
      { viewport: SMALL, colorScheme: 'dark' },
    );
  });

  test('is a list of ids that grows and shrinks', async () => {
    await as(owner, async (page) => {
      await page.goto('/segments/new');
      await page.getByLabel('Name').fill('Invited');
      await page.getByText('A list', { exact: true }).click();
      await page.getByLabel('User ids, one a line').fill('p-1\np-2\n\np-1\nnobody-yet');
      await page.getByText('3 ids').waitFor();
      await page.getByRole('button', { name: 'Save the segment' }).click();
      await page.getByRole('heading', { name: 'Invited' }).waitFor();
      const members = page.getByRole('region', { name: 'Members', exact: true });
      await members.getByText('2 people', { exact: true }).waitFor();
      const list = page.getByRole('region', { name: 'Change the list' });
      await page.setInputFiles('input[aria-label="File of ids"]', {
        name: 'more.txt',
        mimeType: 'text/plain',
        buffer: Buffer.from('p-3\r\np-4\r\n'),
      });
      await list.getByRole('button', { name: 'Add 2 ids' }).click();
      await list.getByText('2 ids added, 0 ids taken off: 5 ids on the list.').waitFor();
      await members.getByText('4 people', { exact: true }).waitFor();
      await list.getByLabel('User ids, one a line').fill('p-1');
      await list.getByRole('button', { name: 'Take 1 id off' }).click();
      await list.getByText('0 ids added, 1 id taken off: 4 ids on the list.').waitFor();
      await members.getByText('3 people', { exact: true }).waitFor();
      await expectAccessible(page, 'a list');
    });
  });
});

describe('A filter', () => {
  test('of users is built, stands in the address and becomes a segment', async () => {
    await as(owner, async (page) => {
      await page.goto('/users');
      await page.getByRole('button', { name: 'Filter' }).click();
      await condition(page, 1).getByLabel('Property').fill('plan');
      await condition(page, 1).getByLabel('Comparison').selectOption('string:is_one_of');
      const values = condition(page, 1).getByLabel('Values');
      await values.fill('team');
      await values.press('Enter');
      await values.fill('free');
      await values.press('Enter');
      await page.getByText('6 people', { exact: true }).waitFor();
      await expectAccessible(page, 'a filter');
      await page.getByRole('button', { name: 'Show them' }).click();
      await page.waitForURL((url) => url.searchParams.get('filter') === 'plan is one of ("team", "free")');
      await page.getByRole('link', { name: 'p-0', exact: true }).waitFor({ state: 'detached' });
      await page.getByRole('link', { name: 'p-1', exact: true }).waitFor();
      await page.reload();
      await page.getByRole('link', { name: 'p-1', exact: true }).waitFor();
      await expect.poll(() => page.getByRole('row').count()).toBe(7);

      await page.getByRole('button', { name: /plan is one of/ }).click();
      await expect
        .poll(() => condition(page, 1).getByLabel('Comparison').inputValue())
        .toBe('string:is_one_of');
      await page.getByRole('link', { name: 'Make it a segment' }).click();
      await page.getByLabel('Name').waitFor();
      await expect
        .poll(() => page.getByLabel('The rule as text').inputValue())
        .toBe('plan is one of ("team", "free")');
      await page.goBack();
      await page.getByRole('button', { name: 'Take the filter away' }).click();
      await page.getByRole('link', { name: 'p-0', exact: true }).waitFor();
      await expect.poll(() => parameter(page, 'filter')).toBeNull();
    });
  });

  test('that nobody passes says so, and one that cannot be read is told with its column', async () => {
    await as(owner, async (page) => {
      await page.goto('/companies?filter=company.industry%20is%20%22Mining%22');
      await page.getByText('Nobody is like that').waitFor();
      await page.getByRole('button', { name: 'Show all' }).click();
      await page.getByRole('link', { name: 'Northwind' }).waitFor();
      await page.goto('/users?filter=plan%20is');
      await page.getByText('The list could not be read').waitFor();
      await page
        .getByText(/column 8/)
        .first()
        .waitFor();
    });
  });
});
