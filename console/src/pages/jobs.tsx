import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { isLive, jobPagesQuery } from '../api/jobs.ts';
import type { Job } from '../api/types.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment, useMay, useOrigin } from '../frame/session.ts';
import { isDeletion, nameOf, seconds, shareDone } from '../text/job.ts';
import { count, countOf } from '../text/number.ts';
import { CopyButton } from '../ui/copy.tsx';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Rows } from '../ui/rows.ts';
import { Time } from '../ui/time.tsx';
import { Bar, JobState, JobTabs } from './job-parts.tsx';
import { DropPlace, SendFile } from './send-file.tsx';

const COLUMNS: Column<Job>[] = [
  {
    name: 'file',
    title: 'File',
    width: 240,
    onSmall: true,
    cell: (job) => (
      <Link
        to={isDeletion(job) ? '/jobs/erasures/$id' : '/jobs/$id'}
        params={{ id: job.job_id }}
        className="hover:text-accent"
      >
        {nameOf(job)}
        {job.dry_run && <span className="text-muted"> · only tried</span>}
      </Link>
    ),
  },
  { name: 'type', title: 'Rows are', width: 100, cell: (job) => (isDeletion(job) ? 'erased' : job.type) },
  {
    name: 'state',
    title: 'State',
    width: 190,
    onSmall: true,
    cell: (job) =>
      isLive(job) && shareDone(job) !== null ? (
        <div className="flex items-center gap-2">
          <Bar share={shareDone(job)} label={`Rows of ${nameOf(job)}`} />
          <span className="figures shrink-0">{Math.floor((shareDone(job) ?? 0) * 100)} %</span>
        </div>
      ) : (
        <JobState job={job} />
      ),
  },
  { name: 'rows', title: 'Rows', width: 100, align: 'right', cell: (job) => count(job.total_rows) },
  {
    name: 'stored',
    title: 'Stored',
    width: 100,
    align: 'right',
    cell: (job) =>
      job.dry_run || isDeletion(job) ? <span className="text-muted">–</span> : count(job.accepted_rows),
  },
  {
    name: 'rejected',
    title: 'Rejected',
    width: 100,
    align: 'right',
    cell: (job) => (
      <span className={job.rejected_rows > 0 ? 'text-bad' : 'text-muted'}>{count(job.rejected_rows)}</span>
    ),
  },
  {
    name: 'rate',
    title: 'Rows/s',
    width: 100,
    align: 'right',
    cell: (job) => count(job.rows_per_second),
  },
  { name: 'took', title: 'Took', width: 90, align: 'right', cell: (job) => seconds(job.elapsed_time) },
  { name: 'sent', title: 'Sent', width: 130, cell: (job) => <Time at={job.submitted_at} /> },
];

export function Jobs() {
  const environment = useEnvironment();
  const jobs = useInfiniteQuery(jobPagesQuery(environment.id));
  const search = useSearch({ from: '/frame/jobs' });
  const navigate = useNavigate({ from: '/jobs' });
  const maySend = useMay('admin');
  const [file, setFile] = useState<File | null>(null);
  const pages = jobs.data?.pages;
  const rows = useMemo(() => new Rows((pages ?? []).map((page) => page.data)), [pages]);
  const live = pages?.[0]?.data.filter(isLive) ?? [];
  const fetchNext = jobs.fetchNextPage;
  const more = useCallback(() => void fetchNext(), [fetchNext]);
  return (
    <Page
      title="Jobs"
      fill
      line={
        pages &&
        `${jobs.hasNextPage ? `The newest ${countOf(rows.length, 'job')}` : countOf(rows.length, 'job')}${live.length > 0 ? `, ${live.length} at work` : ''}`
      }
    >
      <JobTabs />
      {maySend && (
        <div className="px-4 pb-4 sm:px-6">
          {file === null ? (
            <DropPlace onFile={setFile}>
              <p className="font-medium">Drop a file of users or companies here</p>
              <p className="text-muted">
                One JSON object on each line, plain, gzip or zstd. It is tried before anything is written.
              </p>
            </DropPlace>
          ) : (
            <SendFile
              key={`${file.name} ${file.lastModified}`}
              file={file}
              isBusy={live.some((job) => !isDeletion(job))}
              onClose={() => setFile(null)}
            />
          )}
        </div>
      )}
      {jobs.isPending && <Skeleton lines={4} className="px-4 sm:px-6" />}
      {jobs.error && (
        <div className="px-4 sm:px-6">
          <Failure cause={jobs.error} title="Jobs could not be read" retry={() => void jobs.refetch()} />
        </div>
      )}
      {pages !== undefined && rows.length === 0 && <NoJobs />}
      {rows.length > 0 && (
        <DataTable
          label="Jobs"
          columns={COLUMNS}
          rows={rows}
          idOf={(job) => job.job_id}
          selected={search.row}
          onSelect={(row) => void navigate({ search: (before) => ({ ...before, row }), replace: true })}
          onOpen={(id) => {
            void navigate({ search: (before) => ({ ...before, row: id }), replace: true });
            const job = rows.at(rows.findIndex(({ job_id }) => job_id === id));
            const to = job && isDeletion(job) ? '/jobs/erasures/$id' : '/jobs/$id';
            void navigate({ to, params: { id }, search: {} });
          }}
          hasMore={jobs.hasNextPage}
          isFetching={jobs.isFetchingNextPage}
          onMore={more}
        />
      )}
    </Page>
  );
}

function NoJobs() {
  const origin = useOrigin();
  const command = `muster bulk users people.ndjson --url ${origin}`;
  return (
    <Empty title="No file was sent yet" action={<CopyButton text={command} label="Copy the command" />}>
      Files with many users or companies are worked through row by row, and stand here with what became of
      every row. A script sends one with <code className="break-words">{command}</code> or with a call to{' '}
      <code>/v1/users/bulk_identify</code>.
    </Empty>
  );
}
