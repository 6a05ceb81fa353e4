/** All segments. */
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { type Segment, segmentsQuery } from '../../api/segments.ts';
import { Page } from '../../frame/page.tsx';
import { useEnvironment, useMay } from '../../frame/session.ts';
import { useKeys } from '../../keyboard/keys.ts';
import type { ListSearch } from '../../router.tsx';
import { countOf } from '../../text/number.ts';
import { buttonClass } from '../../ui/button.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Empty, NothingFound, Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { Rows } from '../../ui/rows.ts';
import { SearchBox } from '../../ui/search-box.tsx';
import { Time } from '../../ui/time.tsx';

/** The rule in its own words, or how long the list is. */
export function meaning({ kind, listed, text }: Segment): string {
  return kind === 'static' ? `a list of ${countOf(listed ?? 0, 'id')}` : (text ?? '');
}

const COLUMNS: Column<Segment>[] = [
  {
    name: 'name',
    title: 'Segment',
    width: 240,
    onSmall: true,
    cell: ({ id, name }) => (
      <Link
        to="/segments/$id"
        params={{ id: String(id) }}
        search={{}}
        className="font-medium hover:text-accent"
        title={name}
      >
        {name}
      </Link>
    ),
  },
  {
    name: 'level',
    title: 'Of',
    width: 110,
    cell: ({ level }) => (level === 'user' ? 'users' : 'companies'),
  },
  {
    name: 'kind',
    title: 'Kind',
    width: 90,
    cell: ({ kind }) => <span className="text-muted">{kind === 'static' ? 'list' : 'rule'}</span>,
  },
  {
    name: 'means',
    title: 'Who',
    width: 380,
    cell: (segment) => (
      <span className={segment.kind === 'rule' ? 'mono text-muted' : 'text-muted'} title={meaning(segment)}>
        {meaning(segment)}
      </span>
    ),
  },
  {
    name: 'updated',
    title: 'Updated',
    width: 130,
    onSmall: true,
    cell: ({ updated_at }) => <Time at={updated_at} className="text-muted" />,
  },
];

export function NewSegment() {
  const mayMake = useMay('analyst');
  if (!mayMake) return null;
  return (
    <Link to="/segments/new" search={{}} className={buttonClass('primary')}>
      New segment
    </Link>
  );
}

export function Segments() {
  const environment = useEnvironment();
  const list = useQuery(segmentsQuery(environment.id));
  const search = useSearch({ from: '/frame/segments' });
  const navigate = useNavigate({ from: '/segments' });
  const change = useCallback(
    (change: Partial<ListSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const setText = useCallback((q: string) => change({ q: q || undefined, row: undefined }), [change]);
  useKeys({ r: () => void list.refetch() });
  const rows = useMemo(() => {
    const wanted = (search.q ?? '').toLowerCase();
    const found = (list.data ?? []).filter(({ name }) => name.toLowerCase().includes(wanted));
    return new Rows([found.toSorted((a, b) => a.name.localeCompare(b.name))]);
  }, [list.data, search.q]);
  return (
    <Page
      title="Segments"
      fill
      line={list.data && `${countOf(list.data.length, 'segment')}, each as exact as the moment you look`}
      actions={<NewSegment />}
    >
      {list.error && (
        <div className="px-4 pb-3 sm:px-6">
          <Failure
            cause={list.error}
            title="The segments could not be read"
            retry={() => void list.refetch()}
          />
        </div>
      )}
      {list.isPending && <Skeleton lines={8} className="px-4 sm:px-6" />}
      {list.data?.length === 0 && (
        <Empty title="No segment yet" action={<NewSegment />}>
          A segment is a rule that says who belongs to it, such as <code>plan is "pro"</code>, or a list of
          ids. Who matches is always as of now: nobody has to compute it anew.
        </Empty>
      )}
      {list.data !== undefined && list.data.length > 0 && (
        <>
          <div className="px-4 pb-3 sm:px-6">
            <SearchBox
              label="Search segments"
              value={search.q ?? ''}
              onSearch={setText}
              className="max-w-[360px]"
            />
          </div>
          {rows.length === 0 ? (
            <NothingFound title={`No segment has “${search.q}” in its name`} onClear={() => setText('')} />
          ) : (
            <DataTable
              label="Segments"
              columns={COLUMNS}
              rows={rows}
              idOf={({ id }) => String(id)}
              selected={search.row}
              onSelect={(row) => change({ row })}
              onOpen={(id) => {
                change({ row: id });
                void navigate({ to: '/segments/$id', params: { id }, search: {} });
              }}
            />
          )}
        </>
      )}
    </Page>
  );
}
