import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useMemo, useState } from 'react';
import {
  type ExportFormat,
  type ExportKind,
  type ExportListed,
  exportsQuery,
  isUnderWay,
  startExport,
} from '../api/exports.ts';
import { segmentsQuery } from '../api/segments.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment, useMay, useOrigin } from '../frame/session.ts';
import {
  EVENT_TYPES,
  exportName,
  exportShare,
  exportState,
  exportTone,
  FORMATS,
  KINDS,
} from '../text/export.ts';
import { seconds } from '../text/job.ts';
import { countOf } from '../text/number.ts';
import { Button } from '../ui/button.tsx';
import { CopyButton } from '../ui/copy.tsx';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Field, SelectField } from '../ui/field.tsx';
import { Rows } from '../ui/rows.ts';
import { Segmented } from '../ui/segmented.tsx';
import { State } from '../ui/status.tsx';
import { Time } from '../ui/time.tsx';
import { Bar, JobTabs } from './job-parts.tsx';

export function ExportState({ listed }: { listed: ExportListed }) {
  return <State tone={exportTone(listed)}>{exportState(listed)}</State>;
}

const COLUMNS: Column<ExportListed>[] = [
  {
    name: 'export',
    title: 'Export',
    width: 220,
    onSmall: true,
    cell: (listed) => (
      <Link to="/jobs/exports/$id" params={{ id: listed.id }} className="hover:text-accent">
        {exportName(listed)}
      </Link>
    ),
  },
  {
    name: 'state',
    title: 'State',
    width: 190,
    onSmall: true,
    cell: (listed) =>
      listed.status === 'processing' ? (
        <div className="flex items-center gap-2">
          <Bar share={exportShare(listed)} label={`${exportName(listed)}, how far`} />
          <span className="figures shrink-0">{listed.progress} %</span>
        </div>
      ) : (
        <ExportState listed={listed} />
      ),
  },
  {
    name: 'took',
    title: 'Took',
    width: 90,
    align: 'right',
    cell: (listed) => seconds(Number(listed.elapsed_time_seconds)),
  },
  { name: 'asked', title: 'Asked', width: 130, cell: (listed) => <Time at={listed.start_time} /> },
];

export function Exports() {
  const mayExport = useMay('admin');
  return (
    <Page title="Exports" fill line="Everything as files, to take away or to bring in elsewhere.">
      <JobTabs />
      {mayExport ? (
        <MyExports />
      ) : (
        <Empty title="Exports are made by admins and owners">
          The files hold every value, personal data too. Ask an admin for one.
        </Empty>
      )}
    </Page>
  );
}

function MyExports() {
  const environment = useEnvironment();
  const exports = useQuery(exportsQuery(environment.id));
  const search = useSearch({ from: '/frame/jobs/exports' });
  const navigate = useNavigate({ from: '/jobs/exports' });
  const rows = useMemo(() => new Rows([exports.data ?? []]), [exports.data]);
  const isBusy = exports.data?.some(isUnderWay) ?? false;
  return (
    <>
      <NewExport isBusy={isBusy} />
      {exports.isPending && <Skeleton lines={4} className="px-4 sm:px-6" />}
      {exports.error && (
        <div className="px-4 sm:px-6">
          <Failure
            cause={exports.error}
            title="Exports could not be read"
            retry={() => void exports.refetch()}
          />
        </div>
      )}
      {exports.data !== undefined && rows.length === 0 && <NoExports />}
      {rows.length > 0 && (
        <DataTable
          label={countOf(rows.length, 'export')}
          columns={COLUMNS}
          rows={rows}
          idOf={(listed) => listed.id}
          selected={search.row}
          onSelect={(row) => void navigate({ search: (before) => ({ ...before, row }), replace: true })}
          onOpen={(id) => {
            void navigate({ search: (before) => ({ ...before, row: id }), replace: true });
            void navigate({ to: '/jobs/exports/$id', params: { id }, search: {} });
          }}
          hasMore={false}
          isFetching={false}
          onMore={() => undefined}
        />
      )}
    </>
  );
}

/** What to export: rows, format, and for events which of them. */
function NewExport({ isBusy }: { isBusy: boolean }) {
  const environment = useEnvironment();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const segments = useQuery(segmentsQuery(environment.id));
  const [type, setType] = useState<ExportKind>('events');
  const [format, setFormat] = useState<ExportFormat>('ndjson');
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const [eventType, setEventType] = useState('');
  const [segment, setSegment] = useState('');
  const isOfEvents = type === 'events';
  // A segment of users says nothing about companies.
  const fitting = (segments.data ?? []).filter(({ level }) => type !== 'companies' || level === 'company');
  const start = useMutation({
    mutationFn: () =>
      startExport(environment.id, {
        type,
        format,
        ...(isOfEvents && from !== '' && { from }),
        ...(isOfEvents && to !== '' && { to }),
        ...(isOfEvents && eventType !== '' && { event_type: [eventType] }),
        ...(segment !== '' && { segment_id: segment }),
      }),
    onSuccess: (id) => {
      void queries.invalidateQueries({ queryKey: ['exports', environment.id] });
      void navigate({ to: '/jobs/exports/$id', params: { id }, search: {} });
    },
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    start.mutate();
  };
  return (
    <form onSubmit={onSubmit} aria-label="A new export" className="px-4 pb-5 sm:px-6">
      <div className="flex flex-wrap items-end gap-x-4 gap-y-3">
        <Segmented
          label="Rows"
          options={KINDS}
          value={type}
          onChange={(value) => {
            setType(value);
            setSegment('');
          }}
        />
        <Segmented label="Format" options={FORMATS} value={format} onChange={setFormat} />
        {isOfEvents && (
          <>
            <Field
              label="From"
              type="date"
              value={from}
              max={to || undefined}
              onChange={(event) => setFrom(event.target.value)}
              className="w-[150px]"
            />
            <Field
              label="To, with that day"
              type="date"
              value={to}
              min={from || undefined}
              onChange={(event) => setTo(event.target.value)}
              className="w-[150px]"
            />
            <SelectField
              label="Kind of event"
              value={eventType}
              onChange={(event) => setEventType(event.target.value)}
              className="w-[190px]"
            >
              <option value="">All</option>
              {EVENT_TYPES.map(([word, title]) => (
                <option key={word} value={word}>
                  {title}
                </option>
              ))}
            </SelectField>
          </>
        )}
        <SelectField
          label="Members of"
          value={segment}
          onChange={(event) => setSegment(event.target.value)}
          className="w-[190px]"
        >
          <option value="">Everybody</option>
          {fitting.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </SelectField>
        <Button type="submit" look="primary" busy={start.isPending} disabled={isBusy}>
          Export
        </Button>
      </div>
      <p className="mt-2 text-data text-muted">
        {isBusy
          ? 'An export is under way; the next one can begin when it has ended.'
          : isOfEvents
            ? 'Days are days of UTC. NDJSON and CSV can be imported elsewhere as they are.'
            : 'As they are now, each with all properties.'}
      </p>
      {start.error && (
        <div className="mt-3">
          <Failure cause={start.error} />
        </div>
      )}
    </form>
  );
}

function NoExports() {
  const origin = useOrigin();
  const command = `muster export --format parquet --output files --url ${origin}`;
  return (
    <Empty title="Nothing was exported yet" action={<CopyButton text={command} label="Copy the command" />}>
      An export stands here for three days, or as long as the server is set to keep it, with links to its
      files. A script makes one with <code className="break-words">{command}</code>
    </Empty>
  );
}
