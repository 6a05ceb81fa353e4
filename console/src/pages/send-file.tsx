/**
 * A file on its way: tried first, then what would come of it, then sent. Nothing is written before somebody has seen what
 * would be.
 */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { isLive, jobQuery, sendFile } from '../api/jobs.ts';
import type { Job, JobType } from '../api/types.ts';
import { useEnvironment } from '../frame/session.ts';
import { fileSize, typeOf } from '../text/job.ts';
import { count, countOf } from '../text/number.ts';
import { Button } from '../ui/button.tsx';
import { classNames } from '../ui/class-names.ts';
import { Failure } from '../ui/failure.tsx';
import { Prose } from '../ui/prose.tsx';
import { FileColumns } from './file-columns.tsx';
import { Bar, Codes, Counts, Progress } from './job-parts.tsx';

/** How much of a file is looked at to guess what is in it. */
const HEAD_BYTES = 64 * 1024;
const TYPES: [JobType, string][] = [
  ['users', 'Users'],
  ['companies', 'Companies'],
  ['import', 'History'],
];

/** Whether a file is held over the page. One that is let go anywhere on it is taken, or the browser would open it. */
function useDrop(onFile: (file: File) => void): boolean {
  const [isOver, setOver] = useState(false);
  const take = useRef(onFile);
  take.current = onFile;
  useEffect(() => {
    const over = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent) => {
      setOver(false);
      const file = event.dataTransfer?.files[0];
      if (file === undefined) return;
      event.preventDefault();
      take.current(file);
    };
    window.addEventListener('dragover', over);
    window.addEventListener('dragleave', leave);
    window.addEventListener('drop', drop);
    return () => {
      window.removeEventListener('dragover', over);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('drop', drop);
    };
  }, []);
  return isOver;
}

/** A place where a file can be dropped, or chosen. */
export function DropPlace({ onFile, children }: { onFile: (file: File) => void; children: ReactNode }) {
  const input = useRef<HTMLInputElement>(null);
  const isOver = useDrop(onFile);
  return (
    <section
      aria-label="Send a file"
      className={classNames(
        'flex flex-wrap items-center justify-between gap-x-6 gap-y-3 rounded-lg border border-dashed px-4 py-4',
        isOver ? 'border-accent bg-accent-wash' : 'border-line-strong',
      )}
    >
      <div className="min-w-0 flex-1 basis-[260px]">{children}</div>
      <Button look="primary" onClick={() => input.current?.click()}>
        Choose a file
      </Button>
      <input
        ref={input}
        type="file"
        className="hidden"
        aria-label="File"
        onChange={(event) => {
          const file = event.target.files?.[0];
          // The same file can be chosen again after it was mended.
          event.target.value = '';
          if (file !== undefined) onFile(file);
        }}
      />
    </section>
  );
}

/** How a file begins, and what it seems to hold by that. */
function useGuess(file: File, known: JobType | undefined): [string, JobType, (type: JobType) => void] {
  const [head, setHead] = useState('');
  const [type, setType] = useState<JobType>(known ?? 'users');
  useEffect(() => {
    let isGone = false;
    const look = async () => {
      const begins = await file.slice(0, HEAD_BYTES).text();
      if (isGone) return;
      setHead(begins);
      const guess = known === undefined ? typeOf(begins) : null;
      if (guess !== null) setType(guess);
    };
    // A file that cannot be read is told of when it is sent.
    look().catch(() => undefined);
    return () => {
      isGone = true;
    };
  }, [file, known]);
  return [head, type, setType];
}

interface Props {
  file: File;
  /** What the rows are, where that is settled. */
  type?: JobType;
  /** Another job of the environment is under way. */
  isBusy: boolean;
  onClose: () => void;
}

export function SendFile({ file, type: known, isBusy, onClose }: Props) {
  const environment = useEnvironment();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [head, type, setType] = useGuess(file, known);
  const [share, setShare] = useState(0);
  const [tried, setTried] = useState<Job | null>(null);
  const send = useMutation({
    mutationFn: (dryRun: boolean) => {
      setShare(0);
      return sendFile(environment.id, { type, file, dryRun, onProgress: setShare });
    },
    onSuccess: (job, dryRun) => {
      void queries.invalidateQueries({ queryKey: ['jobs', environment.id] });
      if (dryRun) return setTried(job);
      void navigate({ to: '/jobs/$id', params: { id: job.job_id } });
      onClose();
    },
  });
  const dry = useQuery({ ...jobQuery(environment.id, tried?.job_id ?? ''), enabled: tried !== null });
  const result = tried === null ? null : (dry.data ?? tried);
  const isTrying = result !== null && isLive(result);
  return (
    <section
      aria-label={`Sending ${file.name}`}
      className="rounded-lg border border-line bg-surface px-4 py-4"
    >
      <h2 className="text-[15px] leading-6 font-semibold break-words">{file.name}</h2>
      <p className="text-muted">{fileSize(file.size)}</p>
      {result === null && !send.isPending && known === undefined && (
        <TypeChoice type={type} onChange={setType} />
      )}
      {result === null && !send.isPending && type === 'import' && <FileColumns head={head} />}
      {send.isPending && (
        <div className="mt-3 max-w-[560px]">
          <Bar share={share >= 1 ? null : share} label={`Sending ${file.name}`} />
          <p className="figures mt-1.5 text-data text-muted">
            {share >= 1 ? 'The server writes it down…' : `${count(Math.floor(share * 100))} % sent`}
          </p>
        </div>
      )}
      {isTrying && !send.isPending && (
        <div className="mt-3">
          <Progress job={result} />
        </div>
      )}
      {result !== null && !isTrying && !send.isPending && <Tried job={result} />}
      {(send.error ?? dry.error) && (
        <div className="mt-3">
          <Failure cause={send.error ?? dry.error} title="The file was not taken" />
        </div>
      )}
      <div className="mt-4 flex flex-wrap items-center gap-2">
        {result === null ? (
          <Button look="primary" busy={send.isPending} disabled={isBusy} onClick={() => send.mutate(true)}>
            Try it first
          </Button>
        ) : (
          <Button
            look="primary"
            busy={send.isPending}
            disabled={isTrying || isBusy || result.accepted_rows === 0}
            onClick={() => send.mutate(false)}
          >
            {`Send ${countOf(result.accepted_rows, 'row')}`}
          </Button>
        )}
        <Button look="quiet" disabled={send.isPending} onClick={onClose}>
          {result === null || result.accepted_rows > 0 ? 'Leave it' : 'Close'}
        </Button>
        <p className="text-data text-muted">
          {isBusy && !isTrying && !send.isPending
            ? 'Another file is at work here; this one can be sent when that has ended.'
            : result === null &&
              'Nothing is written yet: every row is checked, and you see what would change.'}
        </p>
      </div>
    </section>
  );
}

function TypeChoice({ type, onChange }: { type: JobType; onChange: (type: JobType) => void }) {
  return (
    <fieldset className="mt-3 flex items-center gap-4">
      <legend className="sr-only">What the rows are</legend>
      {TYPES.map(([value, title]) => (
        <label key={value} className="flex items-center gap-1.5">
          <input
            type="radio"
            name="type"
            value={value}
            checked={type === value}
            onChange={() => onChange(value)}
            className="accent-accent"
          />
          {title}
        </label>
      ))}
    </fieldset>
  );
}

/** What a file would do. */
function Tried({ job }: { job: Job }) {
  return (
    <div className="mt-4" aria-live="polite">
      {job.status === 'failed' ? (
        <p role="alert" className="rounded-lg bg-bad-wash px-4 py-3">
          <Prose text={job.reason?.message ?? 'The file could not be read.'} />
        </p>
      ) : (
        <Counts job={job} />
      )}
      {job.rejected_rows > 0 && (
        <p className="mt-2.5 text-data">
          <Codes job={job} />
          {'. '}
          <Link to="/jobs/$id" params={{ id: job.job_id }} className="link">
            See the rows that would be rejected
          </Link>
        </p>
      )}
    </div>
  );
}
