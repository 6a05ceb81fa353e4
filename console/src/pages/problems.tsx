import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { problemsQuery } from '../api/calls.ts';
import type { GroupedProblem } from '../api/types.ts';
import { useEnvironment } from '../frame/session.ts';
import { count } from '../text/number.ts';
import { causeAndRemedy } from '../text/problem.ts';
import { Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Prose } from '../ui/prose.tsx';
import { Time } from '../ui/time.tsx';

const SHOWN_MAX = 12;

/** Why calls are refused, by cause, the newest first. */
export function Problems() {
  const environment = useEnvironment();
  const problems = useQuery(problemsQuery(environment.id));
  return (
    <section className="mt-8">
      <h2 className="text-[15px] leading-6 font-semibold">Problems</h2>
      <p className="text-muted">Why calls are refused, the newest cause first, and how to mend it.</p>
      <div className="mt-3">
        {problems.isPending && <Skeleton lines={3} />}
        {problems.error && (
          <Failure
            cause={problems.error}
            title="Problems could not be read"
            retry={() => void problems.refetch()}
          />
        )}
        {problems.data?.data.length === 0 && (
          <p className="border-t border-line py-6 text-muted">
            No call was refused since the server started.
          </p>
        )}
        <ul>
          {problems.data?.data.slice(0, SHOWN_MAX).map((problem) => (
            <ProblemRow key={`${problem.code} ${problem.pointer} ${problem.route}`} problem={problem} />
          ))}
        </ul>
      </div>
    </section>
  );
}

function ProblemRow({ problem }: { problem: GroupedProblem }) {
  const { cause, remedy } = causeAndRemedy(problem.message, problem.remedy);
  const keys = problem.keys.map(({ name }) => name).join(', ');
  return (
    <li className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-5 border-t border-line py-3.5 sm:grid-cols-[52px_minmax(0,1fr)_auto]">
      <p className="figures text-[17px] leading-6 font-semibold text-bad">{count(problem.count)}×</p>
      <div className="min-w-0">
        <p className="font-medium break-words">
          <Prose text={cause} />
        </p>
        <p className="break-words">
          <Prose text={remedy} />
        </p>
        <p className="mt-0.5 text-data break-words text-muted">
          <code>{problem.code}</code>
          {problem.pointer && (
            <>
              {' at '}
              <code>{problem.pointer}</code>
            </>
          )}
          {' on '}
          <code>{problem.route}</code>
          {keys && ` with the key ${keys}`}
        </p>
      </div>
      <div className="text-data text-muted max-sm:col-start-2 max-sm:mt-1 sm:text-right">
        <p>
          last <Time at={problem.last_seen} />
          <span className="max-sm:hidden">
            <br />
            first <Time at={problem.first_seen} />
          </span>
        </p>
        {problem.sample_sequence !== null && (
          <Link to="/live" search={{ status: 'refused', call: problem.sample_sequence }} className="link">
            See one
          </Link>
        )}
      </div>
    </li>
  );
}
