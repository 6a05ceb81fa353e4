import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { cancelExport, type Export, exportQuery, isUnderWay } from '../api/exports.ts';
import { Refusal } from '../api/refusal.ts';
import { segmentsQuery } from '../api/segments.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment } from '../frame/session.ts';
import { exportName, exportShare, filterWords } from '../text/export.ts';
import { fileSize, seconds } from '../text/job.ts';
import { count, countOf } from '../text/number.ts';
import { Button, buttonClass } from '../ui/button.tsx';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Prose } from '../ui/prose.tsx';
import { Time } from '../ui/time.tsx';
import { ExportState } from './exports.tsx';
import { Bar } from './job-parts.tsx';
import { Back, Columns, Facts, IdFact } from './profile-parts.tsx';
import { FullTime, useEscapeTo } from './user.tsx';

export function ExportPage() {
  const { id } = useParams({ from: '/frame/jobs/exports/$id' });
  const environment = useEnvironment();
  const found = useQuery(exportQuery(environment.id, id));
  useEscapeTo('/jobs/exports');
  const above = <Back to="/jobs/exports">Exports</Back>;
  if (found.error) {
    const isUnknown = found.error instanceof Refusal && found.error.status === 404;
    return (
      <Page title={isUnknown ? 'No such export' : 'Export'} above={above}>
        {isUnknown ? (
          <Empty
            title="There is no such export in this environment"
            action={
              <Link to="/jobs/exports" className={buttonClass()}>
                All exports
              </Link>
            }
          >
            Some days after its end an export is removed with its files.
          </Empty>
        ) : (
          <div className="px-4 sm:px-6">
            <Failure
              cause={found.error}
              title="This export could not be read"
              retry={() => void found.refetch()}
            />
          </div>
        )}
      </Page>
    );
  }
  if (found.data === undefined) {
    return (
      <Page title="Export" above={above}>
        <Skeleton lines={8} className="px-4 sm:px-6" />
      </Page>
    );
  }
  return <Detail data={found.data} />;
}

function Detail({ data }: { data: Export }) {
  const environment = useEnvironment();
  const queries = useQueryClient();
  const segments = useQuery({ ...segmentsQuery(environment.id), enabled: data.filter.segment_id !== null });
  const segment = segments.data?.find(({ id }) => id === data.filter.segment_id)?.name;
  const cancel = useMutation({
    mutationFn: () => cancelExport(environment.id, data.id),
    onSettled: () => void queries.invalidateQueries({ queryKey: ['export', environment.id, data.id] }),
  });
  const isLive = isUnderWay(data);
  return (
    <Page
      title={exportName(data)}
      above={<Back to="/jobs/exports">Exports</Back>}
      line={
        <span className="flex flex-wrap items-center gap-x-3">
          <ExportState listed={data} />
          <span>{filterWords(data.filter, segment)}</span>
        </span>
      }
      actions={
        isLive && (
          <Button look="danger" busy={cancel.isPending} onClick={() => cancel.mutate()}>
            Cancel
          </Button>
        )
      }
    >
      <Columns
        main={
          <>
            {isLive && (
              <div className="mb-5 max-w-[560px]">
                <Bar share={exportShare(data)} label="How far the export is" />
                <p className="figures mt-1.5 text-data text-muted" aria-live="off">
                  {countOf(data.rows, 'row')} in {countOf(data.all_chunks.length, 'file')}, {data.progress} %
                </p>
              </div>
            )}
            {data.reason && (
              <p
                role="status"
                className={`mb-5 rounded-lg px-4 py-3 ${data.reason.code === 'job_cancelled' ? 'bg-warn-wash' : 'bg-bad-wash'}`}
              >
                <Prose text={data.reason.message} />
              </p>
            )}
            {cancel.error && <Failure cause={cancel.error} />}
            {data.status === 'completed' && <Files data={data} />}
          </>
        }
        facts={
          <Facts
            facts={[
              ['Export', <IdFact key="id" id={data.id} />],
              ['Rows', count(data.rows)],
              ['Size', fileSize(data.bytes)],
              ['Asked', <FullTime key="asked" at={data.start_time} />],
              ['Ended', data.end_time ? <FullTime key="ended" at={data.end_time} /> : 'not yet'],
              ['Took', seconds(Number(data.elapsed_time_seconds))],
              [
                'Kept until',
                data.expires_at ? <FullTime key="kept" at={data.expires_at} /> : 'some days after its end',
              ],
            ]}
          />
        }
        calls={null}
      />
    </Page>
  );
}

/** The links are good for whoever has them, which is why only those see them who may export. */
function Files({ data }: { data: Export }) {
  const until = data.presigned_urls[0]?.expires_at;
  return (
    <section>
      <h2 className="text-[15px] leading-6 font-semibold">{countOf(data.presigned_urls.length, 'file')}</h2>
      <p className="mb-3 text-data text-muted">
        Whoever has a link can download its file without signing in
        {until && (
          <>
            , until <Time at={until} />
          </>
        )}
        . A download that breaks off can go on.
      </p>
      <ul aria-label="Files" className="border-t border-line">
        {data.presigned_urls.map(({ filename, url, bytes, rows }) => (
          <li
            key={filename}
            className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 border-b border-line py-2"
          >
            <span className="mono min-w-0 break-all">{filename}</span>
            <span className="flex items-center gap-4">
              <span className="figures text-data text-muted">
                {countOf(rows, 'row')}, {fileSize(bytes)}
              </span>
              <a
                href={new URL(url).pathname + new URL(url).search}
                download={filename}
                className={buttonClass('plain', true)}
              >
                Download
              </a>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
