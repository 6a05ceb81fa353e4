/** A believable small world for the browser tests, sent through the API like everybody's. */
import type { Server } from './server.ts';

const PEOPLE = [
  'Ada Lovelace',
  'Grace Hopper',
  'Alan Turing',
  'Katherine Johnson',
  'Edsger Dijkstra',
  'Barbara Liskov',
  'Donald Knuth',
  'Radia Perlman',
];
const COMPANIES = ['Analytical', 'Difference Works', 'Northwind', 'Initech', 'Globex'];
const PLANS = ['pro', 'free', 'team'];
const EVENTS = ['report_opened', 'invoice_paid', 'seat_added', 'export_started'];

export const USERS = 240;

export const userId = (number: number) => `u-${number}`;
export const userName = (number: number) => {
  const round = Math.floor(number / PEOPLE.length);
  return `${PEOPLE[number % PEOPLE.length]}${round > 0 ? ` ${round + 1}` : ''}`;
};

/** The body that is refused for its company, as one client really sends it. */
export const EMPTY_COMPANY = '{"user_id":"u-3","metadata":{"plan":"pro","seats":12},"company":{}}';

export async function populate(server: Server): Promise<void> {
  const send = async (path: string, body: unknown) => {
    const response = await server.call('POST', path, { key: server.key, body });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  };
  for (let number = 0; number < USERS; number++) {
    const first = userName(number).split(' ')[0]?.toLowerCase();
    const company = number % COMPANIES.length;
    await send('/v1/identify', {
      user_id: userId(number),
      metadata: {
        name: userName(number),
        email: `${first}${number}@example.com`,
        plan: PLANS[number % PLANS.length],
        seats: (number * 7) % 90,
        signed_up: `2026-0${1 + (number % 9)}-14`,
        newsletter: number % 2 === 0,
      },
      company: {
        id: `c-${company}`,
        name: COMPANIES[company],
        plan: PLANS[company % PLANS.length],
        industry: company % 2 === 0 ? 'Software' : 'Logistics',
        monthly_spend: 1200 + company * 850,
      },
    });
  }
  // The server remembers a limited number of calls a second, so what must be seen comes after a pause.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  for (let number = 0; number < 24; number++) {
    await send('/v1/track', {
      user_id: userId(number % 7),
      event_name: EVENTS[number % EVENTS.length],
      metadata: { amount: 12.5 * number },
    });
  }
  await send('/v1/identify', {
    user_id: userId(7),
    metadata: { plan: 'enterprise', seats: 250, address: { city: 'Boston', zip: '02139' } },
  });
  for (let repeat = 0; repeat < 5; repeat++) await refused(server, '/v1/identify', EMPTY_COMPANY);
  await refused(server, '/v1/identify', '{"metadata":{"name":"Nobody"}}');
  await refused(server, '/v1/track', '{"user_id":"u-4", event_name:"report_opened"}');
}

export async function refused(server: Server, path: string, text: string): Promise<void> {
  const response = await server.call('POST', path, { key: server.key, text });
  if (response.ok) throw new Error(`${text} was taken`);
}

/** Ids of jobs that have ended. */
export interface Jobs {
  done: string;
  failed: string;
}

/** Sends rows as a file with a name; answers the job's id once it has ended. */
export async function sendRows(
  server: Server,
  rows: string,
  { name = 'people.ndjson', target = '/v1/users/bulk_identify', ends = true } = {},
): Promise<string> {
  const form = new FormData();
  form.set('file', new Blob([rows]), name);
  const headers = { Authorization: `Token ${server.key}` };
  const response = await fetch(server.address + target, { method: 'POST', headers, body: form });
  if (response.status !== 202) throw new Error(`${name}: ${response.status} ${await response.text()}`);
  const { job_id } = (await response.json()) as { job_id: string };
  const status = async () =>
    (await server.json<{ status: string }>('GET', `/v1/background_jobs/${job_id}`, { key: server.key }))
      .status;
  while (ends && !['completed', 'failed'].includes(await status())) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return job_id;
}

/** A file with a few bad rows, and one that is none. */
export async function populateJobs(server: Server): Promise<Jobs> {
  const good = Array.from({ length: 1_200 }, (_, number) => ({
    user_id: `x-${number}`,
    company_id: `c-${number % COMPANIES.length}`,
    metadata: { plan: PLANS[number % PLANS.length], seats: number % 40 },
  }));
  const rows = good.map((row) => JSON.stringify(row));
  rows.splice(17, 0, '{"metadata":{"plan":"pro","seats":12}}');
  rows.splice(230, 0, '{"user_id":"u-11","metadata":{"plan":"team","score":1e999,"city":"Turin"}}');
  rows.splice(400, 0, '{"user_id":"u-12","metadata":{"plan":"free"');
  const done = await sendRows(server, rows.join('\n'));
  const failed = await sendRows(server, '\u0089PNG no rows at all', { name: 'logo.png' });
  return { done, failed };
}

/** Has users erased; answers the erasure's id once its certificate is there. */
export async function eraseUsers(server: Server, ids: string[]): Promise<string> {
  const { job_id } = await server.json<{ job_id: string }>('DELETE', '/v1/users', {
    key: server.key,
    body: { users: ids },
  });
  const certificate = async () =>
    (await server.json<{ certificate: unknown }>('GET', `/v1/erasures/${job_id}`, { key: server.key }))
      .certificate;
  while ((await certificate()) === null) await new Promise((resolve) => setTimeout(resolve, 20));
  return job_id;
}

/** Exports every event; answers the export's id once its files are there. */
export async function exportEvents(server: Server, format: string): Promise<string> {
  const path = '/api/v1/analytics/exports';
  const { id } = await server.json<{ id: string }>('POST', path, { key: server.key, body: { format } });
  const isReady = async () =>
    (await server.json<{ status: string }>('GET', `${path}/jobs/${id}`, { key: server.key })).status ===
    'completed';
  while (!(await isReady())) await new Promise((resolve) => setTimeout(resolve, 20));
  return id;
}

export const ADA = 'u-ada';

export function daysAgo(days: number, seconds = 0): string {
  return new Date(Date.now() - days * 86_400_000 - seconds * 1_000).toISOString();
}

/** A few people with a past: what they were told to be, what they did, and values that do not agree. */
export async function populateHistory(server: Server): Promise<void> {
  const send = async (path: string, body: unknown) => {
    const response = await server.call('POST', path, { key: server.key, body });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  };
  const identify = (user_id: string, metadata: object, occurred_at: string) =>
    send('/v1/identify', { user_id, metadata, company: { id: 'c-1', name: 'Analytical' }, occurred_at });
  const track = (user_id: string, event_name: string, metadata: object, more: object = {}) =>
    send('/v1/track', { user_id, event_name, metadata, ...more });
  await identify(ADA, { name: 'Ada Lovelace', email: 'ada@example.com', plan: 'trial' }, daysAgo(20));
  await identify(ADA, { plan: 'free', badge: 'B-17' }, daysAgo(10));
  await identify(ADA, { plan: 'pro', seats: 12 }, daysAgo(2));
  await identify('u-grace', { name: 'Grace Hopper', email: 'grace@example.com', plan: 'free' }, daysAgo(15));
  for (const days of [9, 6, 3]) {
    await track(
      ADA,
      'invoice_paid',
      { amount: 12.5 * days, plan: 'pro' },
      { company_id: 'c-1', occurred_at: daysAgo(days) },
    );
  }
  await track(ADA, 'invoice_paid', { amount: 40, plan: 'pro' }, { company_id: 'c-1' });
  for (const days of [8, 4]) {
    // An old client sends its numbers as text.
    await track('u-grace', 'invoice_paid', { amount: '30', plan: 'free' }, { occurred_at: daysAgo(days) });
  }
  await track(ADA, 'invited', { email: 'grace@example.com' });
  for (let repeat = 0; repeat < 6; repeat++) {
    await track(ADA, 'page_viewed', { url: 'https://app.example/pricing', title: 'Pricing' });
  }
  await track(ADA, 'page_viewed', { url: 'https://app.example/docs', title: 'Docs' });
  const steps = Array.from({ length: 130 }, () => track('busy', 'step_taken', { from: 'a' }));
  await Promise.all(steps);
}

/** Content of every kind but one, so that a catalogue has some and an empty place is seen as well. */
export async function populateContent(server: Server): Promise<void> {
  const titled = (first: number, titles: string[]) =>
    titles.map((title, at) => ({ id: first + 17 * at, title }));
  const content = {
    flows: titled(431, [
      'Onboarding',
      'Invite your team',
      'Import from a spreadsheet without losing the formulas of its columns',
      'Tour of reports',
      'Upgrade',
    ]),
    banners: titled(210, ['New prices from May on', 'Maintenance on Sunday']),
    embeds: [{ id: 92, title: 'New report', type: 'card' }],
    surveys: [
      {
        id: 45,
        title: 'How satisfied are you?',
        modules: [
          { id: 1, type: 'nps', question: 'How likely are you to tell a friend about it?' },
          { id: 2, question: 'What is the main reason for that?' },
        ],
      },
    ],
    checklists: [
      { key: 'first_steps', display_name: 'First steps' },
      { key: 'set_up_billing', display_name: 'Set up billing' },
    ],
    resource_center_modules: [{ key: 'help_articles', display_name: 'Help articles' }],
  };
  for (const [kind, body] of Object.entries(content)) {
    await server.json('PUT', `/v1/content/${kind}`, { key: server.key, body });
  }
}

const ASKED_USERS = 9;

/**
 * People to be asked about: p-0 to p-8, of whom eight signed up three days ago, the first four opened a report a day later, and
 * the first two of them paid. Every third is pro, free and team.
 */
export async function populateAsking(server: Server): Promise<void> {
  const send = async (path: string, body: unknown) => {
    const response = await server.call('POST', path, { key: server.key, body });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  };
  for (let number = 0; number < ASKED_USERS; number++) {
    const company = number % 2;
    await send('/v1/identify', {
      user_id: `p-${number}`,
      metadata: { plan: PLANS[number % PLANS.length], seats: number * 10, email: `p${number}@example.com` },
      company: {
        id: `c-${company}`,
        name: company === 0 ? 'Analytical' : 'Northwind',
        industry: company === 0 ? 'Software' : 'Logistics',
      },
    });
  }
  const track = (number: number, event_name: string, days: number, metadata: object = {}) =>
    send('/v1/track', { user_id: `p-${number}`, event_name, metadata, occurred_at: daysAgo(days) });
  for (let number = 0; number < 8; number++) await track(number, 'signed_up', 3);
  for (let number = 0; number < 4; number++) await track(number, 'report_opened', 2);
  for (let number = 0; number < 2; number++) await track(number, 'invoice_paid', 1, { amount: 12.5 });
}
