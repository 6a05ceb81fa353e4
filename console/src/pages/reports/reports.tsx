/** Saved reports, and the four kinds to begin with. */
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { reportsQuery, type SavedReport } from '../../api/reports.ts';
import { Page } from '../../frame/page.tsx';
import { useEnvironment } from '../../frame/session.ts';
import { useKeys } from '../../keyboard/keys.ts';
import { KINDS } from '../../report/question.ts';
import type { ReportsSearch } from '../../report/search.ts';
import { KIND_WORDS } from '../../report/words.ts';
import { countOf } from '../../text/number.ts';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { Rows } from '../../ui/rows.ts';
import { Time } from '../../ui/time.tsx';
import { ReportTabs } from './report-tabs.tsx';

const COLUMNS: Column<SavedReport>[] = [
  {
    name: 'name',
    title: 'Report',
    width: 260,
    onSmall: true,
    cell: ({ id, kind, name }) => (
      <Link
        to="/reports/$kind"
        params={{ kind }}
        search={{ report: id }}
        className="font-medium hover:text-accent"
        title={name}
      >
        {name}
      </Link>
    ),
  },
  {
    name: 'kind',
    title: 'Kind',
    width: 120,
    onSmall: true,
    cell: ({ kind }) => KIND_WORDS[kind]?.title ?? kind,
  },
  {
    name: 'by',
    title: 'Made by',
    width: 220,
    cell: ({ created_by }) => <span className="text-muted">{created_by ?? ''}</span>,
  },
  {
    name: 'updated',
    title: 'Updated',
    width: 130,
    cell: ({ updated_at }) => <Time at={updated_at} className="text-muted" />,
  },
];

export function Reports() {
  const environment = useEnvironment();
  const list = useQuery(reportsQuery(environment.id));
  const search = useSearch({ from: '/frame/reports' });
  const navigate = useNavigate({ from: '/reports' });
  const change = useCallback(
    (change: ReportsSearch) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  useKeys({ r: () => void list.refetch() });
  const rows = useMemo(
    () => new Rows([(list.data ?? []).toSorted((a, b) => a.name.localeCompare(b.name))]),
    [list.data],
  );
  return (
    <Page
      title="Reports"
      fill
      line={list.data && `${countOf(list.data.length, 'saved report')}, each answered as of now`}
    >
      <ReportTabs />
      <nav
        aria-label="New report"
        className="grid gap-x-8 gap-y-1 px-4 pb-5 sm:grid-cols-2 sm:px-6 xl:grid-cols-4"
      >
        {KINDS.map((kind) => (
          <Link
            key={kind}
            to="/reports/$kind"
            params={{ kind }}
            search={{}}
            className="group -mx-2 rounded-md px-2 py-1.5 hover:bg-hover"
          >
            <span className="block font-medium text-accent">New {KIND_WORDS[kind].title.toLowerCase()}</span>
            <span className="block text-data text-muted">{KIND_WORDS[kind].line}</span>
          </Link>
        ))}
      </nav>
      {list.error && (
        <div className="px-4 pb-3 sm:px-6">
          <Failure
            cause={list.error}
            title="The reports could not be read"
            retry={() => void list.refetch()}
          />
        </div>
      )}
      {list.isPending && <Skeleton lines={6} className="px-4 sm:px-6" />}
      {list.data?.length === 0 && (
        <Empty title="No report was saved yet">
          Begin with one of the four above. Every number of it opens the people behind it, and what is worth
          looking at again can be saved under a name.
        </Empty>
      )}
      {rows.length > 0 && (
        <DataTable
          label="Saved reports"
          columns={COLUMNS}
          rows={rows}
          idOf={({ id }) => String(id)}
          selected={search.row}
          onSelect={(row) => change({ row })}
          onOpen={(id) => {
            const report = rows.at(rows.findIndex((each) => String(each.id) === id));
            if (report === undefined) return;
            change({ row: id });
            void navigate({
              to: '/reports/$kind',
              params: { kind: report.kind },
              search: { report: report.id },
            });
          }}
        />
      )}
    </Page>
  );
}
