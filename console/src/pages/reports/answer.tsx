/** Asks a question of any kind, and shows what comes. */
import { useQuery } from '@tanstack/react-query';
import { answerQuery, progressQuery, questionName } from '../../api/reports.ts';
import { useEnvironment } from '../../frame/session.ts';
import type { Answers, Numbers } from '../../report/answer.ts';
import { isComplete, type Kind, levelOf, type Questions } from '../../report/question.ts';
import { count, countOf } from '../../text/number.ts';
import { classNames } from '../../ui/class-names.ts';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { useLate } from '../../ui/settled.ts';
import { Bar } from '../job-parts.tsx';
import { FunnelView } from './funnel-view.tsx';
import { PathView } from './path-view.tsx';
import { RetentionView } from './retention-view.tsx';
import { TrendView } from './trend-view.tsx';

/** A saved report may ask for what the viewer's role does not show. */
export function HiddenQuestion() {
  return (
    <Empty title="This report asks for personal data">
      Your role does not show the values that it is about. An analyst, an admin or the owner can open it.
    </Empty>
  );
}

export function useAnswer<K extends Kind>(kind: K, question: Questions[K]) {
  const environment = useEnvironment();
  return useQuery(answerQuery(environment.id, kind, question, isComplete(kind, question)));
}

/** The view of each kind. The types of a kind's question, answer and numbers belong together. */
// biome-ignore lint/suspicious/noExplicitAny: which of the three a kind means is known only where it is chosen
const VIEWS: Record<Kind, (props: any) => React.ReactNode> = {
  trend: TrendView,
  funnel: FunnelView,
  retention: RetentionView,
  path: PathView,
};

/** Nobody is in it: an answer of zeros says less than a sentence. */
function isNothing<K extends Kind>(kind: K, answer: Answers[K]): boolean {
  switch (kind) {
    case 'funnel':
      return (answer as Answers['funnel']).total.steps.every((step) => step.count === 0);
    case 'trend': {
      const { series } = answer as Answers['trend'];
      return series.every(({ total }) => total.values.every((value) => !value));
    }
    case 'retention':
      return (answer as Answers['retention']).cohorts.every(({ size }) => size === 0);
    case 'path':
      return ((answer as Answers['path']).levels[0] ?? []).every(({ users }) => users === 0);
  }
  return false;
}

export function Answer<K extends Kind>({
  kind,
  question,
  asked,
  onNumber,
}: {
  kind: K;
  question: Questions[K];
  asked: ReturnType<typeof useAnswer<K>>;
  onNumber?: (number: Numbers[K]) => void;
}) {
  const View = VIEWS[kind as Kind];
  if (!isComplete(kind, question)) {
    return (
      <Empty title="The question is not finished">
        Choose {kind === 'funnel' ? 'an event for each step' : 'an event'}, and the answer stands here. It is
        asked anew with every change.
      </Empty>
    );
  }
  if (asked.error) {
    return (
      <Failure
        cause={asked.error}
        title="The report could not be answered"
        retry={() => void asked.refetch()}
      />
    );
  }
  const progress = <Progress kind={kind} question={question} isAsking={asked.isFetching} />;
  if (asked.data === undefined) {
    return (
      <>
        {progress}
        <Skeleton lines={8} />
      </>
    );
  }
  if (isNothing(kind, asked.data)) {
    return (
      <Empty
        title={
          levelOf(question) === 'user' ? 'Nobody did this in that time' : 'No company did this in that time'
        }
      >
        Choose a longer time, other events, or everybody instead of some. Names of events count exactly as
        they were sent.
        {levelOf(question) === 'company' &&
          ' An event counts for the company that it names, else for the one that its user belongs to now.'}
      </Empty>
    );
  }
  return (
    <>
      {progress}
      <div className={classNames('transition-opacity delay-300', asked.isPlaceholderData && 'opacity-60')}>
        <View question={question} answer={asked.data} onNumber={onNumber} />
      </div>
    </>
  );
}

/** Answers come in milliseconds; how far one is matters once it does not. */
const LATE_MS = 1_000;

function Progress({ kind, question, isAsking }: { kind: Kind; question: object; isAsking: boolean }) {
  const environment = useEnvironment();
  const isLate = useLate(isAsking, LATE_MS);
  const { data } = useQuery(progressQuery(environment.id, questionName(kind, question), isLate));
  if (!isLate || !data) return null;
  const { events_done: done, events_all: all } = data;
  return (
    <div className="mb-4 max-w-[560px]">
      <Bar share={all === 0 ? null : done / all} label="Events looked at" />
      <p className="figures mt-1.5 text-data text-muted">
        {all === 0 ? 'Waiting for its turn…' : `${count(done)} of ${countOf(all, 'event')} looked at`}
      </p>
    </div>
  );
}
