import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { cancelJob, isLive, jobQuery, jobsQuery, rejectsFile, rejectsQuery } from '../api/jobs.ts';
import { Refusal } from '../api/refusal.ts';
import type { Job, JobType } from '../api/types.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment, useMay } from '../frame/session.ts';
import { fileSize, isDeletion, nameOf, type Reject, seconds } from '../text/job.ts';
import { count, countOf } from '../text/number.ts';
import { Button, buttonClass } from '../ui/button.tsx';
import { Dialog, DialogActions } from '../ui/dialog.tsx';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Prose } from '../ui/prose.tsx';
import { save } from '../ui/save.ts';
import { SourceView } from '../ui/source-view.tsx';
import { Codes, Counts, JobState, Progress } from './job-parts.tsx';
import { Back, Columns, Facts, IdFact } from './profile-parts.tsx';
import { DropPlace, SendFile } from './send-file.tsx';
import { FullTime, useEscapeTo } from './user.tsx';

/** Rejected rows that are shown at first, and how many more each time. */
const REJECTS_SHOWN = 50;

export function JobPage() {
  const { id } = useParams({ from: '/frame/jobs/$id' });
  const environment = useEnvironment();
  const job = useQuery(jobQuery(environment.id, id));
  useEscapeTo('/jobs');
  const above = <Back to="/jobs">Jobs</Back>;
  if (job.error) {
    const isUnknown = job.error instanceof Refusal && job.error.status === 404;
    return (
      <Page title={isUnknown ? 'No such job' : 'Job'} above={above}>
        {isUnknown ? (
          <Empty
            title="There is no such job in this environment"
            action={
              <Link to="/jobs" className={buttonClass()}>
                All jobs
              </Link>
            }
          >
            Some time after its end a job is removed; what became of its rows stays in the ledger.
          </Empty>
        ) : (
          <div className="px-4 sm:px-6">
            <Failure cause={job.error} title="This job could not be read" retry={() => void job.refetch()} />
          </div>
        )}
      </Page>
    );
  }
  if (job.data === undefined) {
    return (
      <Page title="Job" above={above}>
        <Skeleton lines={8} className="px-4 sm:px-6" />
      </Page>
    );
  }
  return <Detail job={job.data} />;
}

function Detail({ job }: { job: Job }) {
  const mayAct = useMay('admin');
  const [isAsked, setAsked] = useState(false);
  return (
    <Page
      title={nameOf(job)}
      above={<Back to="/jobs">Jobs</Back>}
      line={
        <span className="flex flex-wrap items-center gap-x-3">
          <JobState job={job} />
          {job.dry_run && <span>only tried: nothing was written</span>}
        </span>
      }
      actions={
        mayAct &&
        isLive(job) &&
        !isDeletion(job) && (
          <Button look="danger" onClick={() => setAsked(true)}>
            Cancel
          </Button>
        )
      }
    >
      {isAsked && isLive(job) && <Cancel job={job} onClose={() => setAsked(false)} />}
      <Columns
        main={
          <>
            {isLive(job) && (
              <div className="mb-5">
                <Progress job={job} />
              </div>
            )}
            {job.reason && <Reason job={job} />}
            <Counts job={job} />
            {isDeletion(job) && (
              <p className="py-6 text-muted">
                How far the deletion is, and its certificate, stand with{' '}
                <Link to="/jobs/erasures/$id" params={{ id: job.job_id }} className="link">
                  the erasure
                </Link>
                .
              </p>
            )}
            {!isDeletion(job) && <Rejects job={job} />}
          </>
        }
        facts={
          <Facts
            facts={[
              ['Job', <IdFact key="id" id={job.job_id} />],
              ...(isDeletion(job)
                ? []
                : [
                    ['Rows are', job.type] as [string, string],
                    ['File', fileSize(job.file_size)] as [string, string],
                  ]),
              ['Sent', <FullTime key="sent" at={job.submitted_at} />],
              ['Began', job.start_time ? <FullTime key="began" at={job.start_time} /> : 'not yet'],
              ['Ended', job.end_time ? <FullTime key="ended" at={job.end_time} /> : 'not yet'],
              ['Took', `${seconds(job.elapsed_time)}, ${count(job.rows_per_second)} rows/s`],
            ]}
          />
        }
        calls={null}
      />
    </Page>
  );
}

function Reason({ job }: { job: Job }) {
  const isBad = job.status === 'failed' && job.reason?.code !== 'job_cancelled';
  return (
    <p role="status" className={`mb-5 rounded-lg px-4 py-3 ${isBad ? 'bg-bad-wash' : 'bg-warn-wash'}`}>
      <Prose text={job.reason?.message ?? ''} />
    </p>
  );
}

function Cancel({ job, onClose }: { job: Job; onClose: () => void }) {
  const environment = useEnvironment();
  const queries = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => cancelJob(environment.id, job.job_id),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['job', environment.id, job.job_id] });
      onClose();
    },
  });
  return (
    <Dialog title={`Cancel ${job.filename}?`} onClose={onClose}>
      <p>
        {job.dry_run
          ? 'Nothing was written; the rows that were not looked at stay so.'
          : `${countOf(job.accepted_rows, 'row')} stored so far ${job.accepted_rows === 1 ? 'stays' : 'stay'} stored. The others are not taken any more.`}
      </p>
      {cancel.error && (
        <div className="mt-3">
          <Failure cause={cancel.error} />
        </div>
      )}
      <DialogActions>
        <Button onClick={onClose}>Go on</Button>
        <Button look="danger" busy={cancel.isPending} onClick={() => cancel.mutate()}>
          Cancel the job
        </Button>
      </DialogActions>
    </Dialog>
  );
}

function Rejects({ job }: { job: Job }) {
  const environment = useEnvironment();
  const maySee = useMay('analyst');
  const mayAct = useMay('admin');
  const { rejects: shown = REJECTS_SHOWN } = useSearch({ from: '/frame/jobs/$id' });
  const navigate = useNavigate({ from: '/jobs/$id' });
  const rejects = useQuery({
    ...rejectsQuery(environment.id, job.job_id, shown, Math.min(job.rejected_rows, shown)),
    enabled: maySee && job.rejected_rows > 0,
  });
  const [file, setFile] = useState<File | null>(null);
  const jobs = useQuery({ ...jobsQuery(environment.id), enabled: file !== null });
  const whole = useMutation({ mutationFn: () => rejectsFile(environment.id, job) });
  if (job.rejected_rows === 0) {
    return isLive(job) ? null : <p className="py-6 text-muted">Every row was taken as it is.</p>;
  }
  const more = job.rejected_rows - (rejects.data?.length ?? 0);
  return (
    <section className="mt-8">
      <div className="mb-3 flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
        <div className="min-w-0">
          <h2 className="text-[15px] leading-6 font-semibold">Rejected rows</h2>
          <p className="text-data text-muted">
            <Codes job={job} />
          </p>
        </div>
        {maySee && (
          <div className="flex flex-wrap items-center gap-2">
            <Button busy={whole.isPending} onClick={() => whole.mutate(undefined, { onSuccess: save })}>
              Download
            </Button>
            {mayAct && !isLive(job) && file === null && (
              <Button busy={whole.isPending} onClick={() => whole.mutate(undefined, { onSuccess: setFile })}>
                Send again
              </Button>
            )}
          </div>
        )}
      </div>
      {whole.error && <Failure cause={whole.error} title="The rejected rows could not be read" />}
      {mayAct && !isLive(job) && (
        <div className="mb-5">
          {file === null ? (
            <DropPlace onFile={setFile}>
              <p className="text-muted">
                Download them, mend them in an editor, and drop the file here. What stands under{' '}
                <code>_muster</code> may stay.
              </p>
            </DropPlace>
          ) : (
            <SendFile
              key={`${file.name} ${file.lastModified}`}
              file={file}
              type={job.type as JobType}
              isBusy={jobs.data?.some((other) => isLive(other) && !isDeletion(other)) ?? false}
              onClose={() => setFile(null)}
            />
          )}
        </div>
      )}
      {!maySee && (
        <p className="border-t border-line py-6 text-muted">
          Rejected rows come as they were sent, with everything personal in them; analysts and admins see
          them.
        </p>
      )}
      {rejects.isLoading && <Skeleton lines={4} />}
      {rejects.error && <Failure cause={rejects.error} title="The rejected rows could not be read" />}
      <ol aria-label="Rejected rows">
        {rejects.data?.map((reject) => (
          <RejectRow key={reject.row} reject={reject} />
        ))}
      </ol>
      {rejects.data !== undefined && more > 0 && !isLive(job) && (
        <Button
          className="mt-3"
          busy={rejects.isFetching}
          onClick={() =>
            void navigate({
              search: { rejects: shown + 4 * REJECTS_SHOWN },
              replace: true,
              resetScroll: false,
            })
          }
        >
          {`Show more of ${count(more)}`}
        </Button>
      )}
    </section>
  );
}

function RejectRow({ reject }: { reject: Reject }) {
  const marks = useMemo(
    () => [{ pointer: reject.pointer, message: reject.code, tone: 'bad' as const }],
    [reject],
  );
  return (
    <li className="grid gap-x-5 gap-y-2 border-t border-line py-3.5 sm:grid-cols-[92px_minmax(0,1fr)]">
      <p className="figures text-data text-muted">Row {count(reject.row)}</p>
      <div className="min-w-0">
        <p className="mb-2 break-words">
          <Prose text={reject.message} />
        </p>
        <SourceView text={reject.text} marks={marks} label={`Row ${reject.row} as it was sent`} />
      </div>
    </li>
  );
}
