/** A report: the question left, the answer right, asked anew with every change. The address carries all of it. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { type FormEvent, useCallback, useMemo, useState } from 'react';
import { removeReport, reportQuery, type SavedReport, saveReport } from '../../api/reports.ts';
import { Lost } from '../../frame/lost.tsx';
import { Page } from '../../frame/page.tsx';
import { useEnvironment, useMay } from '../../frame/session.ts';
import { type Numbers, readNumber } from '../../report/answer.ts';
import { type Kind, type Questions, readQuestion } from '../../report/question.ts';
import { kindOf, type ReportSearch } from '../../report/search.ts';
import { KIND_WORDS, numberWords } from '../../report/words.ts';
import { Button } from '../../ui/button.tsx';
import { ConfirmByName } from '../../ui/confirm.tsx';
import { Dialog, DialogActions } from '../../ui/dialog.tsx';
import { Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { Field } from '../../ui/field.tsx';
import { Back } from '../profile-parts.tsx';
import { useEscapeTo } from '../user.tsx';
import { Answer, HiddenQuestion, useAnswer } from './answer.tsx';
import { FunnelFields } from './funnel-fields.tsx';
import { PathFields } from './path-fields.tsx';
import { People } from './people.tsx';
import { RetentionFields } from './retention-fields.tsx';
import { TrendFields } from './trend-fields.tsx';

export function ReportPage() {
  const { kind } = useParams({ from: '/frame/reports/$kind' });
  const { report, question } = useSearch({ from: '/frame/reports/$kind' });
  const environment = useEnvironment();
  const saved = useQuery(reportQuery(environment.id, report));
  const known = kindOf(kind);
  if (known === undefined) return <Lost />;
  if (report !== undefined && saved.data === undefined) {
    return (
      <Page title="Report" above={<Back to="/reports">Reports</Back>}>
        <div className="px-4 sm:px-6">
          {saved.error ? (
            <Failure
              cause={saved.error}
              title="The report could not be read"
              retry={() => void saved.refetch()}
            />
          ) : (
            <Skeleton lines={8} />
          )}
        </div>
      </Page>
    );
  }
  if (saved.data?.question === null && question === undefined) {
    return (
      <Page title={saved.data.name} above={<Back to="/reports">Reports</Back>}>
        <HiddenQuestion />
      </Page>
    );
  }
  return (
    <Builder key={`${known} ${report}`} kind={known} saved={report === undefined ? undefined : saved.data} />
  );
}

// biome-ignore lint/suspicious/noExplicitAny: a kind's fields and its question belong together
const FIELDS: Record<Kind, (props: any) => React.ReactNode> = {
  trend: TrendFields,
  funnel: FunnelFields,
  retention: RetentionFields,
  path: PathFields,
};

function Builder({ kind, saved }: { kind: Kind; saved: SavedReport | undefined }) {
  const search = useSearch({ from: '/frame/reports/$kind' });
  const navigate = useNavigate({ from: '/reports/$kind' });
  const given = search.question ?? saved?.question ?? undefined;
  const question = useMemo(() => readQuestion(kind, given), [kind, given]);
  const number = useMemo(() => readNumber(kind, search.number), [kind, search.number]);
  const asked = useAnswer(kind, question);
  const change = useCallback(
    (change: ReportSearch, replace = true) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace, resetScroll: false }),
    [navigate],
  );
  const Fields = FIELDS[kind];
  useEscapeTo('/reports');
  const { title, line } = KIND_WORDS[kind];
  const isChanged = saved !== undefined && search.question !== undefined;
  return (
    <Page
      title={saved?.name ?? title}
      above={<Back to="/reports">Reports</Back>}
      line={saved === undefined ? line : isChanged ? `${title}, changed since it was saved` : title}
      actions={<Keeping kind={kind} question={question} saved={saved} isChanged={isChanged} />}
    >
      <div className="grid gap-x-10 gap-y-6 px-4 sm:px-6 lg:grid-cols-[minmax(280px,360px)_minmax(0,1fr)]">
        <div className="min-w-0">
          <Fields
            question={question}
            onChange={(next: object) => change({ question: { ...question, ...next }, number: undefined })}
          />
        </div>
        <div className="min-w-0">
          <Answer
            kind={kind}
            question={question}
            asked={asked}
            onNumber={(next) => change({ number: next }, number !== undefined)}
          />
        </div>
      </div>
      {number !== undefined && asked.data !== undefined && !asked.isPlaceholderData && (
        <People
          key={JSON.stringify(number)}
          kind={kind}
          question={question}
          number={number as Numbers[typeof kind]}
          snapshot={asked.data.snapshot}
          words={numberWords(kind, question, asked.data, number as Numbers[typeof kind])}
          onClose={() => change({ number: undefined })}
          onStale={() => void asked.refetch()}
        />
      )}
    </Page>
  );
}

/** Saving, renaming and deleting, for those who may. */
function Keeping({
  kind,
  question,
  saved,
  isChanged,
}: {
  kind: Kind;
  question: Questions[Kind];
  saved: SavedReport | undefined;
  isChanged: boolean;
}) {
  const mayKeep = useMay('analyst');
  const environment = useEnvironment();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [open, setOpen] = useState<'save' | 'delete' | null>(null);
  const done = async ({ id }: SavedReport) => {
    setOpen(null);
    await Promise.all(
      ['reports', 'saved-report', 'dashboard'].map((key) =>
        cache.invalidateQueries({ queryKey: [key, environment.id] }),
      ),
    );
    await navigate({ to: '/reports/$kind', params: { kind }, search: { report: id }, replace: true });
  };
  const changing = useMutation({
    mutationFn: (over: SavedReport) => saveReport(environment.id, { name: over.name, kind, question }, over),
    onSuccess: done,
  });
  if (!mayKeep) return null;
  const remove = async () => {
    if (saved === undefined) return;
    await removeReport(environment.id, saved.id);
    await navigate({ to: '/reports', search: {} });
    cache.removeQueries({ queryKey: ['saved-report', environment.id, saved.id] });
    await Promise.all(
      ['reports', 'dashboards', 'dashboard'].map((key) =>
        cache.invalidateQueries({ queryKey: [key, environment.id] }),
      ),
    );
  };
  return (
    <div className="flex flex-wrap justify-end gap-2">
      {saved !== undefined && isChanged && (
        <Button look="primary" busy={changing.isPending} onClick={() => changing.mutate(saved)}>
          Save the changes
        </Button>
      )}
      <Button look={saved === undefined ? 'primary' : 'plain'} onClick={() => setOpen('save')}>
        {saved === undefined ? 'Save' : 'Save as'}
      </Button>
      {saved !== undefined && (
        <Button look="danger" onClick={() => setOpen('delete')}>
          Delete
        </Button>
      )}
      {changing.error && (
        <Dialog title="The changes were not saved" onClose={() => changing.reset()}>
          <Failure cause={changing.error} />
        </Dialog>
      )}
      {open === 'save' && (
        <SaveDialog
          run={(name) => saveReport(environment.id, { name, kind, question })}
          onDone={done}
          onClose={() => setOpen(null)}
        />
      )}
      {open === 'delete' && saved !== undefined && (
        <ConfirmByName
          title={`Delete ${saved.name}?`}
          name={saved.name}
          action="Delete the report"
          run={remove}
          onClose={() => setOpen(null)}
        >
          <p>
            The saved question goes, also from the dashboards that it stands on. Nothing that happened is
            lost.
          </p>
        </ConfirmByName>
      )}
    </div>
  );
}

function SaveDialog({
  run,
  onDone,
  onClose,
}: {
  run: (name: string) => Promise<SavedReport>;
  onDone: (report: SavedReport) => Promise<void>;
  onClose: () => void;
}) {
  const [name, setName] = useState('');
  const saving = useMutation({ mutationFn: () => run(name.trim()), onSuccess: onDone });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== '') saving.mutate();
  };
  return (
    <Dialog title="Save this report" onClose={onClose}>
      <form onSubmit={submit}>
        <Field
          label="Name"
          hint="The question is kept, not the answer: whoever opens it sees the numbers of that moment."
          value={name}
          onChange={({ target }) => setName(target.value)}
          autoComplete="off"
          autoFocus
        />
        {saving.error && (
          <div className="mt-3">
            <Failure cause={saving.error} title="The report was not saved" />
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
