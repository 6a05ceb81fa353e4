/** First start, owner, first identified user seen live: what a new operator goes through. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectAccessible, launch, open } from './browser.ts';
import { OWNER, Server } from './server.ts';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('a new owner comes in by the printed link, sends the first call and sees it arrive', async () => {
  const { page, complaints, context } = await open(browser, server.address, null);

  await page.goto('/users');
  await page.getByRole('heading', { name: 'This server has no owner yet' }).waitFor();
  await expectAccessible(page, 'a server without an owner');

  await page.goto(server.ownerLink);
  await page.getByLabel('Your name').fill(OWNER.name);
  await page.getByLabel('E-mail').fill(OWNER.email);
  await page.getByLabel('Password').fill(OWNER.password);
  expect(new URL(page.url()).hash, 'the token does not stay in the address').toBe('');
  await expectAccessible(page, 'the welcome page');
  await page.getByRole('button', { name: 'Go in' }).click();

  await page.getByRole('heading', { name: 'Send the first call' }).waitFor();
  await expectAccessible(page, 'the first-call guide');
  await page.getByRole('button', { name: 'Make a key and put it into the snippets' }).click();
  await page.getByText('This is the only time its secret is shown.', { exact: false }).waitFor();
  for (const way of ['Node', 'Python', 'Segment', 'RudderStack', 'curl']) {
    await page.getByRole('tab', { name: way, exact: true }).click();
    expect(await page.getByLabel(`${way} snippet`).innerText(), way).not.toContain('YOUR_API_KEY');
  }

  // The snippet itself, as a shell would run it.
  const snippet = await page.getByLabel('curl snippet').innerText();
  const key = /Token (\S+?)'/.exec(snippet)?.[1];
  const body = /-d '(.*)'/s.exec(snippet)?.[1];
  expect(snippet).toContain(`${server.address}/v1/identify`);
  const answer = await server.call('POST', '/v1/identify', { key, text: body });
  expect(answer.status).toBe(202);

  // Nobody touches the page: it notices by itself.
  await page.getByText('Your first call arrived').waitFor();
  await page.getByRole('link', { name: 'user u-7' }).click();
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor();
  await page.getByRole('link', { name: 'Analytical' }).click();
  await page.getByRole('heading', { name: 'Analytical' }).waitFor();

  await page.getByRole('link', { name: 'Live', exact: true }).first().click();
  const row = page.locator('[data-sequence]').first();
  await row.waitFor();
  expect(await row.innerText()).toMatch(/202[\s\S]*\/v1\/identify[\s\S]*u-7/);

  // The link worked once.
  const second = await open(browser, server.address, null);
  await second.page.goto(server.ownerLink);
  await second.page.getByRole('heading', { name: 'This link does not work any more' }).waitFor();
  await expectAccessible(second.page, 'a used link');
  await second.context.close();

  expect(complaints).toEqual([]);
  await context.close();
});

test('who has no session signs in and comes back to where they wanted to go', async () => {
  const { page, complaints, context } = await open(browser, server.address, null);
  await page.goto('/users?q=ada');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await expectAccessible(page, 'the sign-in page');

  await page.getByLabel('E-mail').fill(OWNER.email);
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  const alert = page.getByRole('alert');
  await alert.waitFor();
  expect(await alert.innerText()).toMatch(/Request\s+[a-z2-7]{20}/);

  await page.getByLabel('Password').fill(OWNER.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Users', exact: true }).waitFor();
  expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe('/users?q=ada');

  await page.getByRole('button', { name: /your account/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.goto('/users');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});
