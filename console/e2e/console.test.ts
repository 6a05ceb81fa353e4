/** The console in use: refused calls, keys, roles, the keyboard. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { components } from '../src/api/schema';
import { expectAccessible, launch, parameter, visiting } from './browser.ts';
import { Server } from './server.ts';
import { EMPTY_COMPANY, populate, refused, USERS, userId, userName } from './world.ts';

type Schemas = components['schemas'];

let server: Server;
let browser: Browser;
let owner: string;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  owner = await server.becomeOwner();
  await populate(server);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const as = visiting(() => ({ browser, address: server.address }));

describe('Live', () => {
  test('a refused call is explained, with the place highlighted inside what was sent', async () => {
    await as(owner, async (page) => {
      await page.goto('/live?status=refused');
      await page.getByText('company has neither id nor company_id', { exact: false }).first().click();
      await page.getByText('Why it was refused').waitFor();
      expect(parameter(page, 'call')).toMatch(/^\d+$/);

      const marked = page.locator('[data-pointer="/company"]');
      await marked.waitFor();
      expect(await marked.innerText()).toContain('"company": {}');
      expect(await page.locator('[data-pointer]').count()).toBe(1);

      await page.getByRole('button', { name: 'Copy as curl' }).click();
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      expect(copied).toContain(`--data-raw '${EMPTY_COMPANY}'`);
      expect(copied).toContain(`${server.address}/v1/identify`);
      await expectAccessible(page, 'an opened call');
    });
  });

  test('a body that is no JSON is marked where reading ended', async () => {
    await as(owner, async (page) => {
      await page.goto('/live?status=refused');
      await page.getByText('The body is not JSON', { exact: false }).first().click();
      expect(await page.locator('mark').innerText()).toBe('e');
    });
  });

  test('a call shows what it changed, before and after, and its warnings', async () => {
    await as(owner, async (page) => {
      await page.goto(`/live?subject=${userId(7)}`);
      await page.locator('[data-sequence]').first().click();
      const changes = page.getByRole('table').filter({ hasText: 'Before' });
      await changes.waitFor();
      expect(await changes.getByRole('row', { name: 'plan' }).innerText()).toMatch(/plan\s+\S+\s+enterprise/);
      await page.getByText('nested_value', { exact: true }).waitFor();
      await page.locator('[data-pointer="/metadata/address"]').waitFor();
    });
  });

  test('calls appear as they arrive, wait while the list is paused, and the filter is in the address', async () => {
    await as(owner, async (page) => {
      await page.goto('/live');
      await page.locator('[data-sequence]').first().waitFor();
      await server.call('POST', '/v1/track', {
        key: server.key,
        body: { user_id: 'u-1', event_name: 'seen_live' },
      });
      await page.getByText('seen_live').waitFor();

      await page.keyboard.press('p');
      await page.getByText('Paused', { exact: false }).waitFor();
      await server.call('POST', '/v1/track', {
        key: server.key,
        body: { user_id: 'u-1', event_name: 'while_paused' },
      });
      await page.getByRole('button', { name: 'Go on, 1 new' }).click();
      await page.getByText('while_paused').waitFor();

      await page.getByText('Refused', { exact: true }).click();
      await page.waitForURL(/status=refused/);
      await page.getByText('seen_live').waitFor({ state: 'detached' });
      await refused(server, '/v1/track', '{"user_id":"u-1","event_name":7}');
      await page.getByText('event_name is a number', { exact: false }).first().waitFor();
    });
  });
});

describe('Users and companies', () => {
  test('one finds a person by name, e-mail or id and reads what is known', async () => {
    await as(owner, async (page) => {
      await page.goto('/users');
      await page.getByText(`${USERS} people`, { exact: false }).waitFor();
      for (const text of ['katherine johnson 3', 'katherine19@', 'u-19']) {
        await page.getByLabel('Search by id, e-mail or name').fill(text);
        await page.waitForURL((url) => url.searchParams.get('q') === text);
        await page.getByRole('link', { name: userName(19), exact: true }).waitFor();
      }
      await page.getByRole('link', { name: userName(19), exact: true }).click();
      await page.getByRole('heading', { name: userName(19) }).waitFor();
      const row = page.getByRole('row', { name: /^signed_up/ });
      expect(await row.innerText()).toMatch(/2026-02-14\s+date/);
      await page.getByRole('link', { name: 'Globex' }).click();
      await page.getByRole('heading', { name: 'Globex' }).waitFor();
      await page.getByRole('table', { name: '' }).first().waitFor();
      await page.goto('/users?q=zzz');
      await page.getByText('Nothing begins with “zzz”').waitFor();
    });
  });

  test('columns are chosen and stay in the address', async () => {
    await as(owner, async (page) => {
      await page.goto('/users');
      await page.getByRole('button', { name: 'Columns' }).click();
      await page.getByRole('menuitemcheckbox', { name: 'seats' }).click();
      await page.keyboard.press('Escape');
      await page.getByRole('columnheader', { name: 'seats' }).waitFor();
      await page.reload();
      await page.getByRole('columnheader', { name: 'seats' }).waitFor();
      expect(parameter(page, 'columns')).toContain('p.seats');
    });
  });

  test('the table reads on over the end of a page of the API', async () => {
    await as(owner, async (page) => {
      await page.goto('/users');
      const table = page.getByRole('region', { name: 'Users' });
      await table.waitFor();
      await expect
        .poll(async () => {
          await table.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
          return page.getByRole('table').getAttribute('aria-rowcount');
        })
        .toBe(String(USERS + 1));
    });
  });
});

describe('Keys', () => {
  test('a key is made, tested, used, and refused from the moment it is revoked', async () => {
    await as(owner, async (page) => {
      await page.goto('/settings/keys');
      await page.getByRole('button', { name: 'New key' }).click();
      await page.getByLabel('Name').fill('Backend');
      await page.getByRole('button', { name: 'Make the key' }).click();
      const dialog = page.getByRole('dialog', { name: 'The key Backend' });
      const secret = await dialog.locator('code').first().innerText();
      await expectAccessible(page, 'the dialog with the secret');
      await dialog.getByRole('button', { name: 'Test this key' }).click();
      await dialog.getByText('It works').waitFor();
      await dialog.getByRole('button', { name: 'I have copied it' }).click();

      const use = () => server.call('POST', '/v1/identify', { key: secret, body: { user_id: 'u-0' } });
      expect((await use()).status).toBe(202);

      await page.getByRole('button', { name: 'Actions for Backend' }).click();
      await page.getByRole('menuitem', { name: 'Revoke' }).click();
      const revoke = page.getByRole('button', { name: 'Revoke the key' });
      expect(await revoke.isDisabled()).toBe(true);
      await page.getByLabel('Type Backend to confirm').fill('backend');
      expect(await revoke.isDisabled(), 'the name counts exactly').toBe(true);
      await page.getByLabel('Type Backend to confirm').fill('Backend');
      await expectAccessible(page, 'the confirmation');
      await revoke.click();
      await page.getByRole('heading', { name: 'Revoked and expired' }).waitFor();
      expect((await use()).status).toBe(401);

      await page.getByLabel('Key', { exact: true }).fill(secret);
      await page.getByRole('button', { name: 'Test', exact: true }).click();
      await page.getByText('This key opens nothing').waitFor();
    });
  });

  test('refused calls of a key are listed beside it', async () => {
    await as(owner, async (page) => {
      await page.goto('/settings/keys?key=1');
      await page
        .getByRole('link', { name: /company has neither/ })
        .first()
        .click();
      await page.getByText('Why it was refused').waitFor();
    });
  });
});

describe('Roles', () => {
  const join = (role: Schemas['Role'], name: string) => server.join(owner, role, name);

  test('a viewer sees people but no personal data, no bodies, no keys and no team', async () => {
    const cookie = await join('viewer', 'Vera Viewer');
    await as(cookie, async (page) => {
      await page.goto(`/users/${userId(7)}`);
      const email = page.getByRole('row', { name: /^email/ });
      expect(await email.innerText()).toContain('•••');
      expect(await page.locator('body').innerText()).not.toContain('@example.com, seen');
      await page.goto('/live');
      await page.locator('[data-sequence]').first().click();
      await page.getByText('your role does not show them', { exact: false }).waitFor();
      expect(await page.getByText('Request body').count()).toBe(0);
      await page.goto('/settings');
      await page.getByRole('heading', { name: 'Where calls go' }).waitFor();
      expect(await page.getByRole('link', { name: 'API keys' }).count()).toBe(0);
      expect(await page.getByRole('link', { name: 'Audit' }).count()).toBe(0);
      expect(await page.getByRole('button', { name: 'Save' }).count()).toBe(0);
      await page.goto('/settings/keys');
      await page.getByRole('alert').waitFor();
    });
    for (const path of ['/v1/environments/1/keys', '/v1/members', '/v1/audit']) {
      expect((await server.call('GET', path, { cookie })).status, path).toBe(403);
    }
    const user = await server.json<Schemas['User']>('GET', `/v1/users/${userId(7)}`, {
      cookie,
      environment: 1,
    });
    expect(user.masked).toContain('email');
  });

  test('an analyst reads bodies and keys but changes nothing', async () => {
    const cookie = await join('analyst', 'Anna Analyst');
    await as(cookie, async (page) => {
      await page.goto(`/live?subject=${userId(7)}`);
      await page.locator('[data-sequence]').first().click();
      await page.getByText('Request body').waitFor();
      await page.goto('/settings/keys');
      await page.getByText('bootstrap').waitFor();
      expect(await page.getByRole('button', { name: 'New key' }).count()).toBe(0);
      expect(await page.getByRole('button', { name: /Actions for/ }).count()).toBe(0);
    });
    const make = await server.call('POST', '/v1/environments/1/keys', { cookie, body: { name: 'no' } });
    expect(make.status).toBe(403);
  });

  test('an admin keeps keys and the team but touches no owner', async () => {
    const cookie = await join('admin', 'Adam Admin');
    await as(cookie, async (page) => {
      await page.goto('/settings/team');
      await Promise.all([
        page.waitForResponse((response) => response.request().method() === 'PATCH' && response.ok()),
        page.getByLabel('Role of Vera Viewer').selectOption('analyst'),
      ]);
      await page.goto('/settings/audit');
      await page.getByText('changed the role of vera@example.com').waitFor();
      await page.goto('/settings/team');
      await page.getByRole('button', { name: 'Actions for Vera Viewer' }).click();
      expect(await page.getByLabel('Role of Olga Owner').count()).toBe(0);
      await page.getByRole('menuitem', { name: 'Remove' }).click();
      await page.getByLabel('Type Vera Viewer to confirm').fill('Vera Viewer');
      await page.getByRole('button', { name: 'Remove', exact: true }).click();
      await page.getByRole('button', { name: 'Actions for Vera Viewer' }).waitFor({ state: 'detached' });
    });
    expect((await server.call('DELETE', '/v1/members/1', { cookie })).status).toBe(403);
  });

  test('an invitation made here lets somebody in, once', async () => {
    let link = '';
    await as(owner, async (page) => {
      await page.goto('/settings/team');
      await page.getByRole('button', { name: 'Invite' }).click();
      await page.getByLabel('E-mail').fill('nina@example.com');
      await page.getByRole('button', { name: 'Make the link' }).click();
      link = await page.getByRole('dialog').locator('code').first().innerText();
    });
    await as(null, async (page) => {
      await page.goto(link);
      await page.getByText('You were invited as an analyst.').waitFor();
      await expect.poll(() => page.getByLabel('E-mail').inputValue()).toBe('nina@example.com');
      await page.getByLabel('Your name').fill('Nina New');
      await page.getByLabel('Password').fill('quite a long password');
      await page.getByRole('button', { name: 'Go in' }).click();
      await page.getByRole('button', { name: 'Nina New your account' }).waitFor();
    });
  });
});

describe('Environments', () => {
  test('another environment is made, wears a coloured edge, and holds none of the first one’s people', async () => {
    await as(owner, async (page) => {
      await page.goto('/settings');
      await page.getByRole('button', { name: 'New environment' }).click();
      await page.getByRole('dialog').getByLabel('Name').fill('Staging');
      await page.getByRole('button', { name: 'Make it' }).click();
      await page.waitForURL(/environment=2/);
      await page.getByRole('button', { name: /Staging environment/ }).waitFor();
      await page.getByRole('link', { name: 'Users' }).first().click();
      await page.getByText('Nobody has been identified yet').waitFor();
      expect(parameter(page, 'environment')).toBe('2');

      await page.getByRole('button', { name: /Staging environment/ }).click();
      await page.getByRole('menuitemcheckbox', { name: 'Production' }).click();
      await page.getByText(`${USERS} people`, { exact: false }).waitFor();

      // Where there is a choice, a bare address is made to say which one it shows.
      await page.goto('/companies');
      await page.waitForURL((url) => url.searchParams.get('environment') === '1');
    });
  });

  test('what counts as personal data is chosen here', async () => {
    await as(owner, async (page) => {
      await page.goto('/settings/personal-data');
      await page.getByLabel('Name of a property').fill('signed_up');
      await page.getByRole('button', { name: 'Hide from viewers' }).click();
      await page.getByRole('button', { name: 'Show signed_up to viewers' }).waitFor();
    });
    const cookie = await server.join(owner, 'viewer', 'Victor Viewer');
    const user = await server.json<Schemas['User']>('GET', `/v1/users/${userId(1)}`, {
      cookie,
      environment: 1,
    });
    expect(user.masked).toContain('signed_up');
  });
});

describe('The keyboard', () => {
  test('moves, opens, goes back, searches and finds', async () => {
    await as(owner, async (page) => {
      await page.goto('/users');
      await page.getByRole('row').nth(3).waitFor();
      await page.keyboard.press('j');
      await page.keyboard.press('j');
      await page.waitForURL((url) => url.searchParams.get('row') === 'u-1');
      await page.keyboard.press('k');
      await page.waitForURL((url) => url.searchParams.get('row') === 'u-0');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: userName(0), exact: true }).waitFor();
      await page.keyboard.press('Escape');
      await page.waitForURL((url) => url.pathname === '/users' && url.searchParams.get('row') === 'u-0');

      await page.keyboard.press('/');
      await page.keyboard.type('grace');
      await page.waitForURL(/q=grace/);
      await page.keyboard.press('Escape');
      await page.waitForURL((url) => !url.searchParams.has('q'));

      await page.keyboard.press('Control+k');
      await page.getByRole('combobox').fill('initech');
      await page.getByRole('option', { name: /Initech/ }).waitFor();
      await expectAccessible(page, 'the palette');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Initech' }).waitFor();

      await page.keyboard.press('g');
      await page.keyboard.press('l');
      await page.getByRole('heading', { name: 'Live' }).waitFor();
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
      await expectAccessible(page, 'the list of keys');
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    });
  });
});
