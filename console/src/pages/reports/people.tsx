/** The people (or companies) behind a number: from the same answer, so that they are as many as it says. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { behindQuery } from '../../api/reports.ts';
import { useEnvironment } from '../../frame/session.ts';
import { useKeys } from '../../keyboard/keys.ts';
import type { Numbers } from '../../report/answer.ts';
import { type Kind, levelOf, type Questions } from '../../report/question.ts';
import { COUNTED_WORDS } from '../../report/words.ts';
import { countOf } from '../../text/number.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { CloseIcon } from '../../ui/icons.tsx';
import { Time } from '../../ui/time.tsx';

export function People<K extends Kind>({
  kind,
  question,
  number,
  snapshot,
  words,
  onClose,
  onStale,
}: {
  kind: K;
  question: Questions[K];
  number: Numbers[K];
  snapshot: string | null;
  /** The number, in words. */
  words: string;
  onClose: () => void;
  /** Asks the report anew. */
  onStale: () => void;
}) {
  const environment = useEnvironment();
  const people = useInfiniteQuery(behindQuery(environment.id, kind, question, number, snapshot));
  const level = levelOf(question);
  const [one, many] = COUNTED_WORDS[level].behind;
  const Many = level === 'user' ? 'People' : 'Companies';
  const heading = useRef<HTMLHeadingElement>(null);
  useKeys({ Escape: onClose });
  // The keyboard goes on here, and back to the number once this is closed.
  useEffect(() => {
    const before = document.activeElement;
    heading.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const pages = people.data?.pages;
  const total = pages?.at(-1)?.total;
  const isOfNow = snapshot !== null && pages?.[0]?.snapshot === null;
  const rows = (pages ?? []).flatMap(({ items }) => items);
  return (
    <section
      aria-label={`${Many} behind the number`}
      className="appear fixed inset-y-0 right-0 z-30 flex w-[min(400px,100vw)] flex-col bg-raised shadow-float"
    >
      <div className="flex items-start justify-between gap-3 px-4 pt-4 pb-3">
        <div className="min-w-0">
          <h2
            ref={heading}
            tabIndex={-1}
            className="text-[15px] leading-6 font-semibold focus:outline-none"
            aria-live="polite"
          >
            {total === undefined ? Many : countOf(total, one, many)}
          </h2>
          <p className="text-data break-words text-muted">{words}</p>
        </div>
        <IconButton label="Close" className="-mt-1 -mr-2" onClick={onClose}>
          <CloseIcon />
        </IconButton>
      </div>
      <div
        tabIndex={0}
        role="region"
        aria-label="Their list"
        className="scroll-thin min-h-0 flex-1 overflow-y-auto border-t border-line px-4 pb-6"
      >
        {people.error && (
          <div className="py-3">
            <Failure cause={people.error} title={`The ${many} could not be read`} retry={onStale} />
          </div>
        )}
        {isOfNow && (
          <div className="py-2 text-data">
            <p className="mb-1.5 text-warn">
              The answer is too old to be asked about: these {many} are as of now.
            </p>
            <Button small onClick={onStale}>
              Ask anew
            </Button>
          </div>
        )}
        {people.isPending && <Skeleton lines={8} />}
        <ul className="text-data">
          {rows.map(({ id, last_seen_at }) => (
            <li key={id} className="flex items-baseline justify-between gap-3 border-b border-line py-2">
              <Link
                to={level === 'user' ? '/users/$id' : '/companies/$id'}
                params={{ id }}
                search={{}}
                className="min-w-0 truncate font-medium hover:text-accent"
              >
                {id}
              </Link>
              {last_seen_at && <Time at={last_seen_at} className="shrink-0 text-muted" />}
            </li>
          ))}
        </ul>
        {people.isSuccess && rows.length === 0 && (
          <p className="py-6 text-muted">
            {level === 'user' ? 'Nobody' : 'No company'} stands behind this number.
          </p>
        )}
        {people.hasNextPage && (
          <Button
            className="mt-3"
            busy={people.isFetchingNextPage}
            onClick={() => void people.fetchNextPage()}
          >
            More
          </Button>
        )}
      </div>
    </section>
  );
}
