/** Files in the console: tried, sent, followed, cancelled, and their rejected rows. */
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, launch, visiting } from './browser.ts';
import { Server } from './server.ts';
import { sendRows } from './world.ts';

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

const file = (name: string, text: string) => ({
  name,
  mimeType: 'application/x-ndjson',
  buffer: Buffer.from(text),
});
const userOf = async (id: string) =>
  (await server.call('GET', `/v1/users/${id}`, { key: server.key })).status;

/** The numbers that stand under their titles. */
async function counts(page: Page): Promise<string> {
  const text = await page
    .locator('dl')
    .filter({ hasText: /Stored|Would create/ })
    .innerText();
  return text.replace(/\s+/g, ' ');
}

describe('a file', () => {
  test('that is dropped is tried first, and written only when somebody says so', async () => {
    await as(owner, async (page) => {
      await page.goto('/jobs');
      await page.getByText('No file was sent yet').waitFor();
      const rows = '{"user_id":"dropped-1"}\n{"user_id":"dropped-2"}\n{"metadata":{"a":1}}\n';
      await page.evaluate((text) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([text], 'people.ndjson'));
        document.body.dispatchEvent(
          new DragEvent('dragover', { dataTransfer, bubbles: true, cancelable: true }),
        );
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
      }, rows);
      await page.getByRole('radio', { name: 'Users' }).and(page.locator(':checked')).waitFor();
      await page.getByRole('button', { name: 'Try it first' }).click();
      await page.getByText('Would create').waitFor();
      await page.getByRole('button', { name: 'Send 2 rows' }).waitFor();
      await expect.poll(() => counts(page)).toBe('Rows 3 = Would create 2 + Would change 0 + Would reject 1');
      await expectAccessible(page, 'what a file would do');
      expect(await userOf('dropped-1')).toBe(404);

      await page.getByRole('button', { name: 'Send 2 rows' }).click();
      await page.waitForURL(/\/jobs\/bulk/);
      await page.getByRole('heading', { name: 'people.ndjson', level: 1 }).waitFor();
      await page.getByText('Completed, 1 rejected').waitFor();
      await expect.poll(() => counts(page)).toBe('Rows 3 = Stored 2 + Known before 0 + Rejected 1');
      expect(await userOf('dropped-1')).toBe(200);
      const marked = page.locator('[data-pointer]');
      await marked.first().waitFor();
      expect(await page.getByRole('list', { name: 'Rejected rows' }).innerText()).toContain('Row 3');
    });
  });

  test('of companies is known for what it is, and can be called so', async () => {
    await as(owner, async (page) => {
      await page.goto('/jobs');
      await page.setInputFiles('input[type=file]', file('c.ndjson', '{"company_id":"c-1"}\n'));
      await page.getByRole('radio', { name: 'Companies' }).and(page.locator(':checked')).waitFor();
      await page.getByRole('radio', { name: 'Users' }).check();
      await page.getByRole('button', { name: 'Try it first' }).click();
      await page.getByRole('button', { name: 'Send 0 rows' }).waitFor();
      expect(await page.getByRole('button', { name: 'Send 0 rows' }).isDisabled()).toBe(true);
      await page.getByRole('link', { name: 'See the rows that would be rejected' }).click();
      await page.getByText('only tried: nothing was written').waitFor();
    });
  });

  test('of history is known by its header, and each of its rows is kept once', async () => {
    const table = [
      'event_type,source,inserted_at,user_id,event_name,metadata.plan,mood',
      'identify_user,backend-http-import,2024-03-01T08:00:00Z,history-1,,pro,fine',
      'track,backend-http-import,2024-03-01T09:00:00Z,history-2,paid,,',
      'track,somewhere,2024-03-01T09:00:00Z,history-2,paid,,',
    ].join('\n');
    await as(owner, async (page) => {
      await page.goto('/jobs');
      await page.setInputFiles('input[type=file]', file('history.csv', table));
      await page.getByRole('radio', { name: 'History' }).and(page.locator(':checked')).waitFor();
      const columns = page.getByRole('region', { name: 'Columns' });
      await columns.getByRole('row', { name: 'metadata.plan Property plan pro' }).waitFor();
      await columns.getByRole('row', { name: 'mood Left out fine' }).waitFor();
      await page.getByText('when its column is called metadata.mood').waitFor();
      await expectAccessible(page, 'the columns of a file');
      await page.getByRole('button', { name: 'Try it first' }).click();
      await page.getByRole('button', { name: 'Send 2 rows' }).waitFor();
      expect(await columns.count()).toBe(0);
      await expect.poll(() => counts(page)).toBe('Rows 3 = Would create 2 + Would change 0 + Would reject 1');
      expect(await userOf('history-1')).toBe(404);
      await page.getByRole('button', { name: 'Send 2 rows' }).click();
      await page.getByRole('heading', { name: 'history.csv', level: 1 }).waitFor();
      await page.getByText('Completed, 1 rejected').waitFor();
      await expect.poll(() => counts(page)).toBe('Rows 3 = Stored 2 + Known before 0 + Rejected 1');
      await page.getByText('source_invalid').first().waitFor();
      expect(await userOf('history-1')).toBe(200);
    });
    await as(owner, async (page) => {
      await page.goto('/jobs');
      await page.setInputFiles('input[type=file]', file('history.csv', table));
      await page.getByRole('radio', { name: 'History' }).and(page.locator(':checked')).waitFor();
      await page.getByRole('button', { name: 'Try it first' }).click();
      await page.getByRole('button', { name: 'Send 0 rows' }).waitFor();
      await expect
        .poll(() => counts(page))
        .toBe('Rows 3 = Would create 0 + Would change 0 + Known before 2 + Would reject 1');
    });
  });

  test('that is no file of rows is told so, and the console stays where it is', async () => {
    await as(owner, async (page) => {
      await page.goto('/jobs');
      await page.setInputFiles('input[type=file]', file('empty.ndjson', ''));
      await page.getByRole('button', { name: 'Try it first' }).click();
      await page.getByText('The file is empty').waitFor();
      await page.getByRole('button', { name: 'Leave it' }).click();
      await page.setInputFiles('input[type=file]', file('photo.jpg', '\u00ff\u00d8 no rows'));
      await page.getByRole('button', { name: 'Try it first' }).click();
      await page.getByText('Nothing of the file could be read as rows').waitFor();
    });
  });
});

describe('rejected rows', () => {
  test('have the bad place marked, can be downloaded, and are sent again once they are mended', async () => {
    const id = await sendRows(
      server,
      '{"user_id":"r-1","metadata":{"score":1e999,"n":12345678901234567890}}\n{"user_id":\n',
    );
    await as(owner, async (page) => {
      await page.goto(`/jobs/${encodeURIComponent(id)}`);
      const marked = page.locator('[data-pointer="/metadata/score"]');
      await marked.waitFor();
      expect(await marked.innerText()).toContain('"score": 1e999');
      expect(await page.getByLabel('Row 1 as it was sent').innerText()).toContain('12345678901234567890');
      expect(await page.getByLabel('Row 2 as it was sent').innerText()).toContain('{"user_id":');

      const download = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Download' }).click();
      const saved = await download;
      expect(saved.suggestedFilename()).toBe('people-rejected.ndjson');
      const text = readFileSync(await saved.path(), 'utf8');
      expect(text.trim().split('\n')).toHaveLength(2);

      await page.getByRole('button', { name: 'Send again' }).click();
      await page.getByRole('button', { name: 'Try it first' }).click();
      await page.getByText('Would reject').waitFor();
      await page.getByRole('button', { name: 'Close' }).click();
      const mended = text.split('\n')[0]?.replace('1e999', '7') ?? '';
      await page.setInputFiles('input[type=file]', file('mended.ndjson', mended));
      await page.getByRole('button', { name: 'Try it first' }).click();
      await page.getByRole('button', { name: 'Send 1 row', exact: true }).click();
      await page.getByRole('heading', { name: 'mended.ndjson' }).waitFor();
      await page.getByText('Every row was taken as it is.').waitFor();
    });
    expect(await userOf('r-1')).toBe(200);
  });

  test('are not shown to viewers, who start nothing either; analysts see them', async () => {
    const id = await sendRows(server, '{"metadata":{"email":"ada@example.com"}}\n{"user_id":"ok"}\n');
    const viewer = await server.join(owner, 'viewer', 'Vera Viewer');
    await as(viewer, async (page) => {
      await page.goto(`/jobs/${encodeURIComponent(id)}`);
      await page.getByText('analysts and admins see them').waitFor();
      expect(await page.getByText('ada@example.com').count()).toBe(0);
      expect(await page.getByRole('button', { name: /Download|Send|Choose|Cancel/ }).count()).toBe(0);
      await page.goto('/jobs');
      await page.getByText('people.ndjson').first().waitFor();
      expect(await page.getByRole('button', { name: 'Choose a file' }).count()).toBe(0);
    });
    const analyst = await server.join(owner, 'analyst', 'Anna Analyst');
    await as(analyst, async (page) => {
      await page.goto(`/jobs/${encodeURIComponent(id)}`);
      await page.getByText('ada@example.com').waitFor();
      await page.getByRole('button', { name: 'Download' }).waitFor();
      expect(await page.getByRole('button', { name: /Send again|Choose/ }).count()).toBe(0);
    });
  });
});

test('Home counts the rows of files among what was received, and leads to them', async () => {
  await as(owner, async (page) => {
    await page.goto('/');
    const line = page.locator('[data-balanced]');
    await line.getByRole('link', { name: /rows of files/ }).waitFor();
    const text = (await line.innerText()).replaceAll(',', '');
    const received = Number(/(\d+) received today/.exec(text)?.[1]);
    const rows = Number(/(\d+) rows of files/.exec(text)?.[1]);
    expect(rows).toBeGreaterThan(0);
    expect(received).toBe(rows);
    await line.getByRole('link', { name: /rows of files/ }).click();
    await page.getByRole('heading', { name: 'Jobs' }).waitFor();
  });
});

describe('a job at work', () => {
  test('shows how far it is, keeps others waiting, and is cancelled after a question', async () => {
    const rows = Array.from({ length: 2_000_000 }, (_, number) => `{"user_id":"many-${number}"}`).join('\n');
    const id = await sendRows(server, rows, { name: 'many.ndjson', ends: false });
    await as(owner, async (page) => {
      await page.goto('/jobs');
      await page.getByRole('row', { name: /many\.ndjson/ }).waitFor();
      await page.setInputFiles('input[type=file]', file('next.ndjson', '{"user_id":"n"}'));
      await page.getByText('Another file is at work here').waitFor();
      expect(await page.getByRole('button', { name: 'Try it first' }).isDisabled()).toBe(true);

      await page.goto(`/jobs/${encodeURIComponent(id)}`);
      await page.getByRole('progressbar', { name: 'Rows of many.ndjson' }).waitFor();
      await expectAccessible(page, 'a job at work');
      await page.getByRole('button', { name: 'Cancel', exact: true }).click();
      await page.getByRole('dialog', { name: 'Cancel many.ndjson?' }).waitFor();
      await page.getByRole('button', { name: 'Cancel the job' }).click();
      await page.getByText('Cancelled', { exact: true }).waitFor();
      await page.getByText('what was stored before stays stored', { exact: false }).waitFor();
    });
  });

  test('is reached by the keyboard, and what was done stands in the audit', async () => {
    await as(owner, async (page) => {
      await page.goto('/');
      await page.getByRole('link', { name: 'Home' }).first().waitFor();
      await page.keyboard.press('g');
      await page.keyboard.press('j');
      await page.getByRole('heading', { name: 'Jobs' }).waitFor();
      await page.getByRole('row', { name: /many\.ndjson/ }).waitFor();
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/jobs\/bulk/);
      await page.getByRole('heading', { name: 'many.ndjson' }).waitFor();
      await page.keyboard.press('Escape');
      await page.waitForURL(/\/jobs\?/);
      await page.goto('/settings/audit');
      await page.getByText('cancelled the job of many.ndjson').waitFor();
      await page.getByText('tried the file people.ndjson').first().waitFor();
      await page.getByText('sent the file people.ndjson').first().waitFor();
    });
  });
});
