/** The system's Chromium, driven without a window. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export function launch(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? PLACES.find(existsSync);
  if (executablePath === undefined) {
    throw new Error(
      'Chromium is missing: scripts/install-tools installs it on Debian; elsewhere set CHROMIUM',
    );
  }
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb'],
  });
}

export const WIDE = { width: 1280, height: 800 };
export const SMALL = { width: 390, height: 844 };

export interface Looks {
  viewport?: { width: number; height: number };
  colorScheme?: 'light' | 'dark';
}

/** A window of somebody with this session, or of nobody. Whatever the page complains about fails the test. */
export async function open(
  browser: Browser,
  address: string,
  cookie: string | null,
  looks: Looks = {},
): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
  const context = await browser.newContext({
    baseURL: address,
    viewport: looks.viewport ?? WIDE,
    colorScheme: looks.colorScheme ?? 'light',
    deviceScaleFactor: 1,
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  if (cookie !== null) {
    const [name = '', value = ''] = cookie.split('=');
    await context.addCookies([{ name, value, url: address, httpOnly: true, sameSite: 'Strict' }]);
  }
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    // The browser itself notes each answer above 400; which of those are right is the tests' business.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      complaints.push(message.text());
    }
  });
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol !== 'data:' && origin !== address)
      complaints.push(`a request to another host: ${request.url()}`);
  });
  return { context, page, complaints };
}

/** Runs with a page of somebody's, or of nobody's, which must not have complained in the end. */
export function visiting(place: () => { browser: Browser; address: string }) {
  return async (cookie: string | null, run: (page: Page) => Promise<void>, looks?: Looks): Promise<void> => {
    const { browser, address } = place();
    const { page, context, complaints } = await open(browser, address, cookie, looks);
    try {
      await run(page);
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  };
}

/** What the address says of the view. */
export function parameter(page: Page, name: string): string | null {
  return new URL(page.url()).searchParams.get(name);
}

interface Finding {
  id: string;
  impact: string | null;
  help: string;
  nodes: { html: string; failureSummary: string }[];
}

/** Nothing serious or critical that axe can see. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  expect(await seriousFindings(page), `accessibility of ${what}`).toEqual([]);
}

export async function seriousFindings(page: Page): Promise<string[]> {
  // Not as a script tag: the page's own policy would refuse it.
  await page.evaluate(readFileSync(AXE, 'utf8'));
  const found = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
    violations: Finding[];
  };
  const serious = found.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return serious.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n${nodes.map((node) => `    ${node.html}\n    ${node.failureSummary}`).join('\n')}`,
  );
}
