/** How many a rule means now, and some of them. */
import type { UseQueryResult } from '@tanstack/react-query';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { type Preview, previewQuery, type RuleForm } from '../../api/segments.ts';
import { useEnvironment } from '../../frame/session.ts';
import type { Level } from '../../rule/rule.ts';
import { count, countOf } from '../../text/number.ts';
import { classNames } from '../../ui/class-names.ts';
import { Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { useSettled } from '../../ui/settled.ts';
import { Time } from '../../ui/time.tsx';
import { isOfRule } from './rule-editor.tsx';

/** Asks about a rule once it rests for a moment. */
export function usePreview(level: Level, form: RuleForm | null): UseQueryResult<Preview> {
  const environment = useEnvironment();
  const settled = useSettled(JSON.stringify(form));
  const asked = useMemo(() => JSON.parse(settled) as RuleForm | null, [settled]);
  return useQuery(previewQuery(environment.id, level, asked));
}

/** Conflicts in words: values that cannot be read as what they are compared with. */
export function conflictWords(conflicts: number, level: Level): string {
  const who = countOf(
    conflicts,
    level === 'user' ? 'person' : 'company',
    level === 'user' ? 'people' : 'companies',
  );
  return `${who} could not be decided, because a value is not of the type that it is compared as. They are not counted.`;
}

export function PreviewPanel({ level, asked }: { level: Level; asked: UseQueryResult<Preview> }) {
  const { data, error } = asked;
  const isStale = asked.isPlaceholderData || error !== null;
  return (
    <section aria-label="Who matches now" className="min-w-0">
      {error && !isOfRule(error) && (
        <Failure cause={error} title="It could not be counted" retry={() => void asked.refetch()} />
      )}
      {isOfRule(error) && <p className="text-muted">The rule cannot be read as it stands.</p>}
      {data === undefined && asked.isFetching && <Skeleton lines={4} />}
      {data === undefined && !asked.isFetching && error === null && (
        <p className="text-muted">Finish a condition, and the number of those who match stands here.</p>
      )}
      {data && (
        <div className={classNames('transition-opacity delay-300', isStale && 'opacity-60')}>
          <p role="status">
            <span className="figures text-figure font-semibold tracking-tight">{count(data.members)}</span>{' '}
            <span className="text-muted">{matchWords(level, data.members)}</span>
          </p>
          {data.conflicts > 0 && (
            <p className="mt-1 text-data text-warn">{conflictWords(data.conflicts, level)}</p>
          )}
          {data.sample.length > 0 && (
            <>
              <h3 className="mt-4 mb-1 text-data text-muted">Some of them</h3>
              <ul className="text-data">
                {data.sample.map(({ id, last_seen_at }) => (
                  <li
                    key={id}
                    className="flex items-baseline justify-between gap-3 border-t border-line py-1.5"
                  >
                    <Link
                      to={level === 'user' ? '/users/$id' : '/companies/$id'}
                      params={{ id }}
                      search={{}}
                      className="min-w-0 truncate hover:text-accent"
                    >
                      {id}
                    </Link>
                    {last_seen_at && <Time at={last_seen_at} className="shrink-0 text-muted" />}
                  </li>
                ))}
              </ul>
            </>
          )}
          <h3 className="mt-4 mb-1 text-data text-muted">As text</h3>
          <p className="mono rounded-md bg-surface px-2.5 py-2 break-words whitespace-pre-wrap">
            {data.text}
          </p>
        </div>
      )}
    </section>
  );
}

function matchWords(level: Level, members: number): string {
  if (level === 'user') return members === 1 ? 'person matches now' : 'people match now';
  return members === 1 ? 'company matches now' : 'companies match now';
}
