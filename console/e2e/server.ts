/** The real program with a data directory of its own, stopped by its process id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { components } from '../src/api/schema';

type Schemas = components['schemas'];

const START_MS_MAX = 30_000;
const ROOT = join(import.meta.dirname, '../..');

function program(): string {
  const target = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? 'target');
  const path = process.env.MUSTER_BINARY ?? join(target, 'debug/muster');
  if (!existsSync(path)) throw new Error(`${path} is not there: build it with cargo build --bin muster`);
  return path;
}

export const OWNER = { name: 'Olga Owner', email: 'olga@example.com', password: 'a few plain words' };

export interface CallOptions {
  key?: string;
  cookie?: string;
  environment?: number;
  body?: unknown;
  text?: string;
  headers?: Record<string, string>;
}

export class Server {
  readonly address: string;
  readonly ownerLink: string;
  /** The key of the first environment, with every right. */
  readonly key: string;
  private readonly process: ChildProcess;
  private readonly directory: string;

  private constructor(
    child: ChildProcess,
    directory: string,
    address: string,
    ownerLink: string,
    key: string,
  ) {
    this.process = child;
    this.directory = directory;
    this.address = address;
    this.ownerLink = ownerLink;
    this.key = key;
  }

  static async start(settings: Record<string, string> = {}): Promise<Server> {
    const directory = mkdtempSync(join(tmpdir(), 'muster-console-'));
    const key = 'browser-tests-key-0123';
    const child = spawn(program(), ['serve', '--data', join(directory, 'data'), '--listen', '127.0.0.1:0'], {
      // Nothing of whoever runs the tests may change what is tested.
      env: { PATH: process.env.PATH, MUSTER_BOOTSTRAP_API_KEY: key, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    const address = await new Promise<string>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${why}; it said:\n${said}`));
      const timer = setTimeout(() => fail('the server did not start in time'), START_MS_MAX);
      const listen = (bytes: Buffer) => {
        said += bytes;
        const found = /is listening on (http:\/\/\S+)/.exec(said)?.[1];
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found);
      };
      child.stdout?.on('data', listen);
      child.stderr?.on('data', listen);
      child.once('exit', (code) => fail(`the server ended with ${code}`));
    });
    const link = /http:\/\/\S+\/welcome#\S+/.exec(said)?.[0];
    if (link === undefined) throw new Error(`no link for the owner; the server said:\n${said}`);
    return new Server(child, directory, address, link, key);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** One call to the API, as a program makes it. */
  call(method: string, path: string, options: CallOptions = {}): Promise<Response> {
    const headers: Record<string, string> = { ...options.headers };
    if (options.key !== undefined) headers.Authorization = `Token ${options.key}`;
    if (options.cookie !== undefined) {
      headers.Cookie = options.cookie;
      headers.Origin = this.address;
    }
    if (options.environment !== undefined) headers['Muster-Environment'] = String(options.environment);
    const body = options.text ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    return fetch(this.address + path, { method, headers, body });
  }

  async json<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const response = await this.call(method, path, options);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Takes up a one-time link; answers with the session's cookie. */
  async accept(link: string, person: { name: string; email: string; password: string }): Promise<string> {
    const token = new URL(link).hash.slice(1);
    const response = await this.call('POST', '/v1/invitations/accept', {
      body: { token, ...person },
      headers: { Origin: this.address },
    });
    if (!response.ok) throw new Error(`the link was refused: ${await response.text()}`);
    const cookie = response.headers.getSetCookie()[0]?.split(';')[0];
    if (cookie === undefined) throw new Error('no cookie was set');
    return cookie;
  }

  becomeOwner(): Promise<string> {
    return this.accept(this.ownerLink, OWNER);
  }

  /** A member with a role; answers with the session's cookie. */
  async join(owner: string, role: Schemas['Role'], name: string): Promise<string> {
    const email = `${name.split(' ')[0]?.toLowerCase()}@example.com`;
    const made = await this.json<Schemas['InvitationMade']>('POST', '/v1/invitations', {
      cookie: owner,
      body: { role, email },
    });
    return this.accept(made.link, { name, email, password: OWNER.password });
  }
}
