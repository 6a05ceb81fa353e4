/**
 * The calls of an environment as they arrive: what was recorded before, then the stream. Bounded, without doubles, newest
 * first. Listeners hear of a change at most once a frame, so that a flood of calls does not become a flood of renderings.
 */
import { type CallFilter, liveAddress, readCalls } from './api/calls.ts';
import { isSignedOut } from './api/refusal.ts';
import { sessionQuery } from './api/session.ts';
import type { Call, Rate } from './api/types.ts';
import { queryClient } from './query-client.ts';

export const CALLS_KEPT_MAX = 2_000;
const CALLS_BEFORE = 200;
const RATES_KEPT = 60;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 15_000;

export interface LiveState {
  calls: readonly Call[];
  rates: readonly Rate[];
  /** Calls that the server did not record, or that came faster than they could be sent here. */
  skipped: number;
  connection: 'connecting' | 'open' | 'lost';
  /** The calls of before were read. */
  isReady: boolean;
  failure: unknown;
}

const NOTHING: LiveState = {
  calls: [],
  rates: [],
  skipped: 0,
  connection: 'connecting',
  isReady: false,
  failure: null,
};

/** Puts calls into their order, newest first, and keeps each once; the fuller form of a call wins. */
export function merged(older: readonly Call[], newer: readonly Call[], kept = CALLS_KEPT_MAX): Call[] {
  const newest = newer.at(-1)?.sequence ?? 0;
  const first = older[0]?.sequence ?? -1;
  // The usual case: everything new comes after everything that is there.
  if (newer.length > 0 && newest > first) return [...newer, ...older].slice(0, kept);
  const bySequence = new Map<number, Call>();
  for (const call of [...newer, ...older])
    if (!bySequence.has(call.sequence)) bySequence.set(call.sequence, call);
  return [...bySequence.values()].toSorted((a, b) => b.sequence - a.sequence).slice(0, kept);
}

export class LiveFeed {
  private state: LiveState = NOTHING;
  private arrived: Call[] = [];
  private rates: Rate[] = [];
  private skipped = 0;
  private source: EventSource | null = null;
  private frame = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private retryMs = RETRY_MS_MIN;
  private isOpen = true;
  private readonly listeners = new Set<() => void>();
  private readonly environment: number;
  private readonly filter: CallFilter;

  constructor(environment: number, filter: CallFilter) {
    this.environment = environment;
    this.filter = filter;
  }

  start(): void {
    this.isOpen = true;
    void this.catchUp().then(() => this.connect());
  }

  stop(): void {
    this.isOpen = false;
    this.source?.close();
    this.source = null;
    clearTimeout(this.retry);
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = (): LiveState => this.state;

  /** What was recorded before; the stream goes on after the newest of it. */
  private async catchUp(): Promise<void> {
    try {
      const page = await readCalls(this.environment, this.filter, CALLS_BEFORE);
      this.change({
        calls: merged(this.state.calls, page.data),
        skipped: page.skipped,
        isReady: true,
        failure: null,
      });
    } catch (failure) {
      if (isSignedOut(failure)) void queryClient.invalidateQueries(sessionQuery);
      this.change({ failure, isReady: true });
    }
  }

  private connect(): void {
    if (!this.isOpen || this.source !== null) return;
    const newest = this.state.calls[0]?.sequence;
    const source = new EventSource(liveAddress(this.environment, this.filter, newest));
    this.source = source;
    source.onopen = () => {
      this.retryMs = RETRY_MS_MIN;
      this.change({ connection: 'open' });
    };
    source.onerror = () => {
      this.change({ connection: 'lost' });
      // The browser itself tries again after a broken connection, with the last id, but not after a refusal.
      if (source.readyState === EventSource.CLOSED && this.isOpen) {
        this.source = null;
        // Read again what came meanwhile; it also shows when the session is over.
        this.retry = setTimeout(() => void this.catchUp().then(() => this.connect()), this.retryMs);
        this.retryMs = Math.min(this.retryMs * 2, RETRY_MS_MAX);
      }
    };
    source.addEventListener('call', ({ data }) => {
      this.arrived.push(JSON.parse(data) as Call);
      this.wake();
    });
    source.addEventListener('rate', ({ data }) => {
      this.rates.push(JSON.parse(data) as Rate);
      this.wake();
    });
    source.addEventListener('skipped', ({ data }) => {
      this.skipped += (JSON.parse(data) as { count: number }).count;
      this.wake();
    });
  }

  private wake(): void {
    if (this.arrived.length > CALLS_KEPT_MAX) this.arrived.splice(0, this.arrived.length - CALLS_KEPT_MAX);
    if (this.rates.length > RATES_KEPT) this.rates.splice(0, this.rates.length - RATES_KEPT);
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.take();
    });
  }

  private take(): void {
    const newer = this.arrived.toReversed();
    const rates = this.rates;
    this.arrived = [];
    this.rates = [];
    this.change({
      calls: newer.length > 0 ? merged(this.state.calls, newer) : this.state.calls,
      rates: rates.length > 0 ? [...this.state.rates, ...rates].slice(-RATES_KEPT) : this.state.rates,
      skipped: this.state.skipped + this.skipped,
    });
    this.skipped = 0;
  }

  private change(change: Partial<LiveState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}
