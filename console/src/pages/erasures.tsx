import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { erasuresQuery } from '../api/erasures.ts';
import type { Erasure } from '../api/types.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment, useMay, useOrigin } from '../frame/session.ts';
import { askerOf, erasureTone, erasureWords, whoOf } from '../text/erasure.ts';
import { countOf } from '../text/number.ts';
import { CopyButton } from '../ui/copy.tsx';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Rows } from '../ui/rows.ts';
import { State } from '../ui/status.tsx';
import { Time, useNow } from '../ui/time.tsx';
import { JobTabs } from './job-parts.tsx';

export function ErasureState({ erasure }: { erasure: Erasure }) {
  const now = useNow();
  return <State tone={erasureTone(erasure)}>{erasureWords(erasure, now)}</State>;
}

const COLUMNS: Column<Erasure>[] = [
  {
    name: 'who',
    title: 'Erased',
    width: 200,
    onSmall: true,
    cell: (erasure) => (
      <Link to="/jobs/erasures/$id" params={{ id: erasure.id }} className="hover:text-accent">
        {whoOf(erasure)}
        {erasure.suppress && <span className="text-muted"> · refused since</span>}
      </Link>
    ),
  },
  {
    name: 'state',
    title: 'State',
    width: 220,
    onSmall: true,
    cell: (erasure) => <ErasureState erasure={erasure} />,
  },
  { name: 'asked_by', title: 'Asked by', width: 180, cell: askerOf },
  { name: 'asked', title: 'Asked', width: 130, cell: (erasure) => <Time at={erasure.accepted_at} /> },
  {
    name: 'complete',
    title: 'Complete',
    width: 130,
    cell: (erasure) =>
      erasure.ended_at ? <Time at={erasure.ended_at} /> : <span className="text-muted">not yet</span>,
  },
];

export function Erasures() {
  const environment = useEnvironment();
  const erasures = useInfiniteQuery(erasuresQuery(environment.id));
  const search = useSearch({ from: '/frame/jobs/erasures' });
  const navigate = useNavigate({ from: '/jobs/erasures' });
  const pages = erasures.data?.pages;
  const rows = useMemo(() => new Rows((pages ?? []).map((page) => page.data)), [pages]);
  const fetchNext = erasures.fetchNextPage;
  const more = useCallback(() => void fetchNext(), [fetchNext]);
  const number = countOf(rows.length, 'erasure');
  return (
    <Page title="Erasures" fill line={pages && (erasures.hasNextPage ? `The newest ${number}` : number)}>
      <JobTabs />
      {erasures.isPending && <Skeleton lines={4} className="px-4 sm:px-6" />}
      {erasures.error && (
        <div className="px-4 sm:px-6">
          <Failure
            cause={erasures.error}
            title="Erasures could not be read"
            retry={() => void erasures.refetch()}
          />
        </div>
      )}
      {pages !== undefined && rows.length === 0 && <NoErasures />}
      {rows.length > 0 && (
        <DataTable
          label="Erasures"
          columns={COLUMNS}
          rows={rows}
          idOf={(erasure) => erasure.id}
          selected={search.row}
          onSelect={(row) => void navigate({ search: (before) => ({ ...before, row }), replace: true })}
          onOpen={(id) => {
            void navigate({ search: (before) => ({ ...before, row: id }), replace: true });
            void navigate({ to: '/jobs/erasures/$id', params: { id }, search: {} });
          }}
          hasMore={erasures.hasNextPage}
          isFetching={erasures.isFetchingNextPage}
          onMore={more}
        />
      )}
    </Page>
  );
}

function NoErasures() {
  const origin = useOrigin();
  const mayErase = useMay('admin');
  const command = `muster delete users ID --url ${origin}`;
  return (
    <Empty title="Nobody was deleted yet" action={<CopyButton text={command} label="Copy the command" />}>
      Whoever is deleted is hidden at once, then removed from the disk, and stands here with the certificate.{' '}
      {mayErase ? 'Delete somebody from their page' : 'Admins and owners delete somebody from their page'}, or
      many at once with <code className="break-words">{command}</code>
    </Empty>
  );
}
