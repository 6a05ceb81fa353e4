/** Jobs in words and numbers, and rejected rows as the server gives them back. */
import type { Job, JobType } from '../api/types.ts';
import { type Node, read } from '../json/source.ts';
import { count } from './number.ts';

export interface Reject {
  row: number;
  pointer: string;
  code: string;
  message: string;
  /** The row as it was sent; of what is no JSON object, its beginning. */
  text: string;
}

/** The key under which a rejected row says why. */
const KEY = '_muster';

/** One line of rejected rows; null for what is none. */
export function rejectOf(line: string): Reject | null {
  let why: Omit<Reject, 'text'> & { raw?: string };
  try {
    why = (JSON.parse(line) as Record<string, typeof why>)[KEY] as typeof why;
  } catch {
    return null;
  }
  if (typeof why?.row !== 'number') return null;
  const { row, pointer, code, message, raw } = why;
  if (raw !== undefined) return { row, pointer, code, message, text: raw };
  const source = read(line);
  if ('broken' in source || source.node.kind !== 'object') return null;
  const members = source.node.members.filter(({ key }) => key !== KEY);
  return { row, pointer, code, message, text: textOf({ kind: 'object', members }) };
}

/** The text of what was read, with every digit as it was sent. */
function textOf(node: Node): string {
  if (node.kind === 'scalar') return node.text;
  if (node.kind === 'array') return `[${node.items.map(textOf).join(',')}]`;
  return `{${node.members.map(({ keyText, value }) => `${keyText}:${textOf(value)}`).join(',')}}`;
}

/** The first rows of a stream of them; what comes after is not waited for. */
export async function readRejects(
  stream: ReadableStream<Uint8Array> | null,
  most: number,
): Promise<Reject[]> {
  const found: Reject[] = [];
  const reader = stream?.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  while (reader !== undefined && found.length < most) {
    const { value, done } = await reader.read();
    const lines = (rest + decoder.decode(value, { stream: !done })).split('\n');
    rest = done ? '' : (lines.pop() ?? '');
    for (const line of lines) {
      const reject = line === '' ? null : rejectOf(line);
      if (reject !== null && found.length < most) found.push(reject);
    }
    if (done) return found;
  }
  await reader?.cancel();
  return found;
}

/** Whether a job erases somebody, instead of taking a file. */
export const isDeletion = (job: Pick<Job, 'type'>) => job.type === 'delete';

/** What a job is called: its file, or what it does. */
export const nameOf = (job: Pick<Job, 'type' | 'filename'>) => (isDeletion(job) ? 'Deletion' : job.filename);

/** What the first rows of a file seem to be; null when they say neither. */
export function typeOf(head: string): JobType | null {
  const user = head.search(/"user_?id"|"users"/i);
  const company = head.search(/"company_?id"|"companies"/i);
  if (user >= 0) return 'users';
  return company >= 0 ? 'companies' : null;
}

const STATUS: Record<string, string> = {
  queued: 'Waits for its turn',
  validating: 'Counts its rows',
  processing: 'At work',
  pending_refresh: 'Comes to its end',
  completed: 'Completed',
  failed: 'Failed',
};

/** How a job stands, in a few words. */
export function statusWords(job: Job): string {
  if (job.status === 'failed' && job.reason?.code === 'job_cancelled') return 'Cancelled';
  if (job.status === 'processing' && job.reason !== null) return 'Waits';
  if (job.status === 'completed' && job.rejected_rows > 0) {
    return `Completed, ${count(job.rejected_rows)} rejected`;
  }
  return STATUS[job.status] ?? job.status;
}

export function statusTone(job: Job): 'good' | 'warn' | 'bad' | 'muted' {
  if (job.status === 'completed') return job.rejected_rows > 0 ? 'warn' : 'good';
  if (job.status === 'failed') return job.reason?.code === 'job_cancelled' ? 'muted' : 'bad';
  return job.reason === null ? 'muted' : 'warn';
}

/** How much of a job is done, from 0 to 1; null while its rows are not counted. */
export function shareDone(job: Job): number | null {
  return job.total_rows === 0 ? null : Math.min(job.completed_rows / job.total_rows, 1);
}

/** What is left of a job at its own rate; empty when that says nothing yet. */
export function timeLeft(job: Job): string {
  const left = job.total_rows - job.completed_rows;
  if (job.rows_per_second === 0 || left <= 0) return '';
  return `about ${seconds(Math.ceil(left / job.rows_per_second))} left`;
}

/** `8 s`, `2 min 5 s`, `1 h 3 min`. */
export function seconds(value: number): string {
  if (value < 60) return `${value} s`;
  const minutes = Math.floor(value / 60);
  if (minutes < 60) return `${minutes} min${value % 60 > 0 ? ` ${value % 60} s` : ''}`;
  return `${count(Math.floor(minutes / 60))} h${minutes % 60 > 0 ? ` ${minutes % 60} min` : ''}`;
}

/** `1.4 MB`, as files are told everywhere. */
export function fileSize(value: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB'];
  let [size, unit] = [value, 0];
  while (size >= 1_000 && unit < units.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  return unit === 0
    ? `${count(value)} ${value === 1 ? 'byte' : 'bytes'}`
    : `${size.toFixed(1)} ${units[unit]}`;
}
