/** Named lists of reports, each looked at as one page. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { type FormEvent, useMemo, useState } from 'react';
import {
  type Dashboard,
  dashboardQuery,
  dashboardsQuery,
  removeDashboard,
  reportsQuery,
  type SavedReport,
  saveDashboard,
} from '../../api/reports.ts';
import { Page } from '../../frame/page.tsx';
import { useEnvironment, useMay } from '../../frame/session.ts';
import { readQuestion } from '../../report/question.ts';
import { KIND_WORDS } from '../../report/words.ts';
import { countOf } from '../../text/number.ts';
import { Button } from '../../ui/button.tsx';
import { ConfirmByName } from '../../ui/confirm.tsx';
import { Dialog, DialogActions } from '../../ui/dialog.tsx';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { Checkbox, Field } from '../../ui/field.tsx';
import { Time } from '../../ui/time.tsx';
import { Back } from '../profile-parts.tsx';
import { useEscapeTo } from '../user.tsx';
import { Answer, HiddenQuestion, useAnswer } from './answer.tsx';
import { ReportTabs } from './report-tabs.tsx';

export function Dashboards() {
  const environment = useEnvironment();
  const list = useQuery(dashboardsQuery(environment.id));
  const mayMake = useMay('analyst');
  const [isNew, setNew] = useState(false);
  const action = mayMake && (
    <Button look="primary" onClick={() => setNew(true)}>
      New dashboard
    </Button>
  );
  return (
    <Page title="Dashboards" line={list.data && countOf(list.data.length, 'dashboard')} actions={action}>
      <ReportTabs />
      <div className="px-4 sm:px-6">
        {list.error && (
          <Failure
            cause={list.error}
            title="The dashboards could not be read"
            retry={() => void list.refetch()}
          />
        )}
        {list.isPending && <Skeleton lines={4} />}
        {list.data?.length === 0 && (
          <Empty title="No dashboard yet">
            A dashboard shows several saved reports on one page, each answered as of now.
          </Empty>
        )}
        <ul className="max-w-[840px]">
          {list.data?.map(({ id, name, reports, updated_at }) => (
            <li key={id} className="flex items-baseline gap-4 border-t border-line py-2 first:border-t-0">
              <Link
                to="/dashboards/$id"
                params={{ id: String(id) }}
                className="min-w-0 flex-1 truncate font-medium hover:text-accent"
              >
                {name}
              </Link>
              <span className="text-data text-muted">{countOf(reports.length, 'report')}</span>
              <Time at={updated_at} className="text-data text-muted" />
            </li>
          ))}
        </ul>
      </div>
      {isNew && <EditDashboard onClose={() => setNew(false)} />}
    </Page>
  );
}

export function DashboardPage() {
  const { id } = useParams({ from: '/frame/dashboards/$id' });
  const environment = useEnvironment();
  const dashboard = useQuery(dashboardQuery(environment.id, Number(id)));
  const reports = useQuery(reportsQuery(environment.id));
  const mayChange = useMay('analyst');
  const [open, setOpen] = useState<'edit' | 'delete' | null>(null);
  const navigate = useNavigate();
  const cache = useQueryClient();
  useEscapeTo('/dashboards');
  const failure = dashboard.error ?? reports.error;
  const shown = (dashboard.data?.reports ?? []).flatMap(
    (each) => reports.data?.find((report) => report.id === each) ?? [],
  );
  const remove = async () => {
    await removeDashboard(environment.id, Number(id));
    await navigate({ to: '/dashboards' });
    cache.removeQueries({ queryKey: ['dashboard', environment.id, Number(id)] });
    await cache.invalidateQueries({ queryKey: ['dashboards', environment.id] });
  };
  return (
    <Page
      title={dashboard.data?.name ?? `Dashboard ${id}`}
      above={<Back to="/dashboards">Dashboards</Back>}
      line={dashboard.data && countOf(dashboard.data.reports.length, 'report')}
      actions={
        dashboard.data &&
        mayChange && (
          <>
            <Button onClick={() => setOpen('edit')}>Edit</Button>
            <Button look="danger" onClick={() => setOpen('delete')}>
              Delete
            </Button>
          </>
        )
      }
    >
      <div className="px-4 sm:px-6">
        {failure && <Failure cause={failure} title="The dashboard could not be read" />}
        {!failure && (dashboard.isPending || reports.isPending) && <Skeleton lines={8} />}
        {dashboard.data && reports.data && shown.length === 0 && (
          <Empty title="No report is on this dashboard">Put saved reports on it with Edit.</Empty>
        )}
        <div className="grid gap-x-10 gap-y-10 xl:grid-cols-2">
          {shown.map((report) => (
            <OnDashboard key={report.id} report={report} />
          ))}
        </div>
      </div>
      {open === 'edit' && dashboard.data && (
        <EditDashboard dashboard={dashboard.data} onClose={() => setOpen(null)} />
      )}
      {open === 'delete' && dashboard.data && (
        <ConfirmByName
          title={`Delete ${dashboard.data.name}?`}
          name={dashboard.data.name}
          action="Delete the dashboard"
          run={remove}
          onClose={() => setOpen(null)}
        >
          <p>The list goes; the reports that stand on it stay.</p>
        </ConfirmByName>
      )}
    </Page>
  );
}

function OnDashboard({ report }: { report: SavedReport }) {
  return (
    <section aria-label={report.name} className="min-w-0 border-t border-line pt-4">
      <h2 className="mb-3 text-[15px] leading-6 font-semibold">
        <Link
          to="/reports/$kind"
          params={{ kind: report.kind }}
          search={{ report: report.id }}
          className="hover:text-accent"
        >
          {report.name}
        </Link>{' '}
        <span className="font-normal text-muted">{KIND_WORDS[report.kind].title.toLowerCase()}</span>
      </h2>
      {report.question === null ? (
        <HiddenQuestion />
      ) : (
        <AnswerOf report={report} question={report.question} />
      )}
    </section>
  );
}

function AnswerOf({ report: { id, kind }, question: saved }: { report: SavedReport; question: object }) {
  const question = useMemo(() => readQuestion(kind, saved), [kind, saved]);
  const asked = useAnswer(kind, question);
  const navigate = useNavigate();
  return (
    <Answer
      kind={kind}
      question={question}
      asked={asked}
      onNumber={(number) =>
        void navigate({ to: '/reports/$kind', params: { kind }, search: { report: id, number } })
      }
    />
  );
}

function EditDashboard({ dashboard, onClose }: { dashboard?: Dashboard; onClose: () => void }) {
  const environment = useEnvironment();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const saved = useQuery(reportsQuery(environment.id));
  const [name, setName] = useState(dashboard?.name ?? '');
  const [chosen, setChosen] = useState(dashboard?.reports ?? []);
  const saving = useMutation({
    mutationFn: () => saveDashboard(environment.id, { name: name.trim(), reports: chosen }, dashboard),
    onSuccess: async ({ id }) => {
      await Promise.all(
        ['dashboards', 'dashboard'].map((key) =>
          cache.invalidateQueries({ queryKey: [key, environment.id] }),
        ),
      );
      onClose();
      await navigate({ to: '/dashboards/$id', params: { id: String(id) } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== '') saving.mutate();
  };
  return (
    <Dialog title={dashboard === undefined ? 'New dashboard' : `Edit ${dashboard.name}`} onClose={onClose}>
      <form onSubmit={submit}>
        <Field
          label="Name"
          value={name}
          onChange={({ target }) => setName(target.value)}
          autoComplete="off"
          autoFocus
        />
        <fieldset className="mt-4">
          <legend className="mb-1 text-data font-medium">
            Reports, in the order in which they are chosen
          </legend>
          <div className="scroll-thin max-h-[40vh] overflow-y-auto">
            {saved.data?.length === 0 && <p className="text-muted">No report was saved yet.</p>}
            {saved.data?.map(({ id, name, kind }) => (
              <Checkbox
                key={id}
                label={name}
                hint={KIND_WORDS[kind]?.title}
                checked={chosen.includes(id)}
                onChange={({ target }) =>
                  setChosen(target.checked ? [...chosen, id] : chosen.filter((each) => each !== id))
                }
              />
            ))}
          </div>
        </fieldset>
        {saving.error && (
          <div className="mt-3">
            <Failure cause={saving.error} title="The dashboard was not saved" />
          </div>
        )}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={name.trim() === ''} busy={saving.isPending}>
            Save
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
