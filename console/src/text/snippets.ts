/** Calls to copy: whole, and true for the server that shows them. */

/** `text` as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export interface SentCall {
  method: string;
  path: string;
  body: string | null;
}

/** A recorded call as a command. The key itself is never recorded, so a variable stands for it. */
export function asCurl(origin: string, call: SentCall): string {
  const parts = [
    `curl -i ${call.method === 'GET' ? '' : `-X ${call.method} `}${shellWord(origin + call.path)}`,
  ];
  parts.push('-H "Authorization: Token $MUSTER_KEY"');
  if (call.body !== null && call.body !== '') {
    parts.push("-H 'Content-Type: application/json'");
    parts.push(`--data-raw ${shellWord(call.body)}`);
  }
  return parts.join(' \\\n  ');
}

export interface Snippet {
  id: string;
  title: string;
  /** Where the text goes, in a sentence. */
  where: string;
  text: string;
}

/** What stands in a snippet while no key was made for it. */
export const KEY_PLACE = 'YOUR_API_KEY';

export function firstCallSnippets(origin: string, key: string): Snippet[] {
  return [
    {
      id: 'curl',
      title: 'curl',
      where: 'Paste it into a terminal.',
      text: `curl -i ${origin}/v1/identify \\
  -H 'Authorization: Token ${key}' \\
  -H 'Content-Type: application/json' \\
  -d '{
    "user_id": "u-7",
    "metadata": {"name": "Ada Lovelace", "email": "ada@example.com", "plan": "pro"},
    "company": {"id": "c-1", "name": "Analytical"}
  }'`,
    },
    {
      id: 'node',
      title: 'Node',
      where: 'Runs as it is with Node 18 or newer: save it as first-call.mjs, then node first-call.mjs.',
      text: `const answer = await fetch('${origin}/v1/identify', {
  method: 'POST',
  headers: {
    Authorization: 'Token ${key}',
    'Content-Type': 'application/json',
  },
  body: JSON.stringify({
    user_id: 'u-7',
    metadata: { name: 'Ada Lovelace', email: 'ada@example.com', plan: 'pro' },
    company: { id: 'c-1', name: 'Analytical' },
  }),
});
console.log(answer.status, await answer.json());`,
    },
    {
      id: 'python',
      title: 'Python',
      where: 'Needs nothing but Python 3.',
      text: `import json, urllib.request

call = urllib.request.Request(
    "${origin}/v1/identify",
    method="POST",
    headers={
        "Authorization": "Token ${key}",
        "Content-Type": "application/json",
    },
    data=json.dumps({
        "user_id": "u-7",
        "metadata": {"name": "Ada Lovelace", "email": "ada@example.com", "plan": "pro"},
        "company": {"id": "c-1", "name": "Analytical"},
    }).encode(),
)
with urllib.request.urlopen(call) as answer:
    print(answer.status, answer.read().decode())`,
    },
    {
      id: 'segment',
      title: 'Segment',
      where:
        'Add the Userpilot Cloud (Actions) destination, enter these two settings, switch on its Identify and Track mappings. The slash at the end matters: Segment puts v1/… right after it. Segment must be able to reach this address.',
      text: `API key:  ${key}
Endpoint: ${origin}/`,
    },
    {
      id: 'rudderstack',
      title: 'RudderStack',
      where:
        'Add a webhook destination with this address and header, and this transformation in front of it. RudderStack must be able to reach the address.',
      text: `// Webhook URL:  ${origin}/v1  (method POST)
// Header:       Authorization: Token ${key}

export function transformEvent(event) {
  const user_id = event.userId;
  if (!user_id) return;
  if (event.type === 'identify') {
    const metadata = event.context?.traits ?? event.traits ?? {};
    return { user_id, metadata, appendPath: '/identify' };
  }
  if (event.type === 'track') {
    const metadata = event.properties ?? {};
    return { user_id, event_name: event.event, metadata, appendPath: '/track' };
  }
}`,
    },
  ];
}
