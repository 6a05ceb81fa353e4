import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import {
  chooseDataSync,
  type DataSync,
  type DataSyncRun,
  dataSyncQuery,
  isUnderWay,
  runsQuery,
  writeDays,
} from '../api/data-sync.ts';
import type { ExportFormat } from '../api/exports.ts';
import { Page, Section } from '../frame/page.tsx';
import { useEnvironment, useMay } from '../frame/session.ts';
import {
  choiceWords,
  hourWords,
  runDays,
  runFigures,
  runReason,
  runState,
  runTone,
} from '../text/data-sync.ts';
import { FORMATS } from '../text/export.ts';
import { Button } from '../ui/button.tsx';
import { Copyable } from '../ui/copy.tsx';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Field, SelectField } from '../ui/field.tsx';
import { NumberField } from '../ui/number-field.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { State } from '../ui/status.tsx';
import { Time } from '../ui/time.tsx';
import { JobTabs } from './job-parts.tsx';

/** As the server has it. */
const RESYNC_DAYS = { min: 0, max: 365 };

export function DataSyncPage() {
  const environment = useEnvironment();
  const sync = useQuery(dataSyncQuery(environment.id));
  return (
    <Page title="Data sync" line="Each day, written to a directory or a bucket, for a warehouse to read.">
      <JobTabs />
      <div className="max-w-[840px] px-4 pt-2 sm:px-6">
        {sync.isPending && <Skeleton lines={4} />}
        {sync.error && (
          <Failure cause={sync.error} title="Data sync could not be read" retry={() => void sync.refetch()} />
        )}
        {sync.data && <Choice key={`${environment.id} ${sync.data.version}`} sync={sync.data} />}
        {sync.data && <Runs sync={sync.data} />}
      </div>
    </Page>
  );
}

function Choice({ sync }: { sync: DataSync }) {
  const mayChoose = useMay('admin');
  return (
    <Section title="By schedule" line={choiceWords(sync)}>
      {sync.has_destination ? (
        mayChoose && <ChoiceForm sync={sync} />
      ) : (
        <p className="max-w-[68ch]">
          This server has no place for files yet. Whoever runs it sets <code>sync.destination</code> to a
          directory, or to a bucket as <code className="break-words">s3://BUCKET/PREFIX</code>.
        </p>
      )}
      <dl className="mt-4 grid items-center gap-x-6 gap-y-2 sm:grid-cols-[140px_minmax(0,1fr)]">
        {sync.folder && (
          <>
            <dt className="text-muted">Folder</dt>
            <dd className="min-w-0">
              <Copyable text={sync.folder} what="the folder" />
            </dd>
          </>
        )}
        {sync.next_at && (
          <>
            <dt className="text-muted">Next</dt>
            <dd>
              <Time at={sync.next_at} />
            </dd>
          </>
        )}
      </dl>
    </Section>
  );
}

function ChoiceForm({ sync }: { sync: DataSync }) {
  const environment = useEnvironment();
  const queries = useQueryClient();
  const [enabled, setEnabled] = useState(sync.enabled);
  const [format, setFormat] = useState(sync.format as ExportFormat);
  const [hour, setHour] = useState(sync.hour);
  const [days, setDays] = useState(sync.resync_days);
  const choosing = useMutation({
    mutationFn: () =>
      chooseDataSync(environment.id, sync.version, { enabled, format, hour, resync_days: days }),
    onSuccess: async (chosen) => {
      queries.setQueryData(dataSyncQuery(environment.id).queryKey, chosen);
      await queries.invalidateQueries({ queryKey: runsQuery(environment.id).queryKey });
    },
  });
  const isSame =
    enabled === sync.enabled && format === sync.format && hour === sync.hour && days === sync.resync_days;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    choosing.mutate();
  };
  return (
    <form onSubmit={submit} aria-label="Schedule">
      <div className="flex flex-wrap items-end gap-x-4 gap-y-3">
        <SelectField
          label="Each day"
          className="w-[190px]"
          value={enabled ? 'on' : 'off'}
          onChange={({ target }) => setEnabled(target.value === 'on')}
        >
          <option value="on">Is written</option>
          <option value="off">Is not written</option>
        </SelectField>
        <SelectField
          label="From"
          className="w-[120px]"
          value={String(hour)}
          onChange={({ target }) => setHour(Number(target.value))}
        >
          {Array.from({ length: 24 }, (_, each) => (
            <option key={each} value={each}>
              {hourWords(each)}
            </option>
          ))}
        </SelectField>
        <Segmented label="Format" options={FORMATS} value={format} onChange={setFormat} />
        <span className="flex items-center gap-2">
          Anew once a week: the last
          <NumberField label="Days written anew" value={days} onChange={setDays} {...RESYNC_DAYS} />
          days
        </span>
        <Button type="submit" disabled={isSame} busy={choosing.isPending}>
          Save
        </Button>
      </div>
      {choosing.error && (
        <div className="mt-3">
          <Failure cause={choosing.error} />
        </div>
      )}
    </form>
  );
}

function Runs({ sync }: { sync: DataSync }) {
  const environment = useEnvironment();
  const mayAsk = useMay('admin') && sync.has_destination;
  const runs = useQuery(runsQuery(environment.id));
  return (
    <Section title="What was written" line="The newest first.">
      {mayAsk && <DaysForm isBusy={runs.data?.some(isUnderWay) ?? false} />}
      {runs.isPending && <Skeleton lines={3} />}
      {runs.error && (
        <Failure cause={runs.error} title="Runs could not be read" retry={() => void runs.refetch()} />
      )}
      {runs.data?.length === 0 && (
        <Empty title="Nothing was written yet">
          {sync.has_destination
            ? 'Have each day written by schedule, or ask for days that are over.'
            : 'Days stand here once the server has a place for files.'}
        </Empty>
      )}
      {runs.data !== undefined && runs.data.length > 0 && (
        <ul aria-label="Runs" className="border-t border-line">
          {runs.data.map((run) => (
            <Run key={run.id} run={run} />
          ))}
        </ul>
      )}
    </Section>
  );
}

/** Asks for days that are over. */
function DaysForm({ isBusy }: { isBusy: boolean }) {
  const environment = useEnvironment();
  const queries = useQueryClient();
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const asking = useMutation({
    mutationFn: () => writeDays(environment.id, { from, to }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: runsQuery(environment.id).queryKey });
      await queries.invalidateQueries({ queryKey: dataSyncQuery(environment.id).queryKey });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    asking.mutate();
  };
  return (
    <form onSubmit={submit} aria-label="Days to write" className="mb-5">
      <div className="flex flex-wrap items-end gap-x-4 gap-y-3">
        <Field
          label="From"
          type="date"
          required
          value={from}
          max={to || undefined}
          onChange={({ target }) => setFrom(target.value)}
          className="w-[150px]"
        />
        <Field
          label="To, with that day"
          type="date"
          required
          value={to}
          min={from || undefined}
          onChange={({ target }) => setTo(target.value)}
          className="w-[150px]"
        />
        <Button type="submit" busy={asking.isPending} disabled={from === '' || to === ''}>
          Write these days
        </Button>
      </div>
      <p className="mt-2 text-data text-muted">
        Days of UTC that are over; what stands there of them is replaced.
        {isBusy && ' They wait until what is under way is written.'}
      </p>
      {asking.error && (
        <div className="mt-3">
          <Failure cause={asking.error} />
        </div>
      )}
    </form>
  );
}

function Run({ run }: { run: DataSyncRun }) {
  return (
    <li className="border-b border-line py-2.5">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <span className="figures">
          {runDays(run)} <span className="text-muted">{runReason(run)}</span>
        </span>
        <State tone={runTone(run)}>{runState(run)}</State>
      </div>
      <p className="figures mt-0.5 text-data text-muted">
        {runFigures(run)}, asked <Time at={run.asked_at} />
      </p>
      {run.failure && (
        <p className="mt-0.5 text-data break-words text-bad">
          {run.failure}
          {run.retry_at && (
            <>
              {' '}
              Next try <Time at={run.retry_at} />.
            </>
          )}
        </p>
      )}
    </li>
  );
}
