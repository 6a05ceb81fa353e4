/** Why somebody is in a segment, or is not: each part of the rule with what was found. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { type Explained, explanationQuery, type Segment } from '../../api/segments.ts';
import { useEnvironment } from '../../frame/session.ts';
import { countOf } from '../../text/number.ts';
import { reading } from '../../text/value.ts';
import { Button } from '../../ui/button.tsx';
import { classNames } from '../../ui/class-names.ts';
import { Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { INPUT } from '../../ui/field.tsx';

export function Explain({
  segment,
  subject,
  asOf,
  onSubject,
}: {
  segment: Segment;
  subject: string | undefined;
  /** Whether somebody was in then; is in now when absent. */
  asOf: string | undefined;
  onSubject: (id: string | undefined) => void;
}) {
  const [typed, setTyped] = useState(subject ?? '');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubject(typed.trim() || undefined);
  };
  const who = segment.level === 'user' ? 'User id' : 'Company id';
  return (
    <section aria-label="Why somebody is in or out" className="mb-10">
      <h2 className="mb-1 text-[15px] leading-6 font-semibold">Who is in, and why</h2>
      <form onSubmit={submit} className="flex gap-1.5">
        <input
          type="text"
          aria-label={who}
          placeholder={who}
          value={typed}
          onChange={({ target }) => setTyped(target.value)}
          className={classNames(INPUT, 'max-w-[260px]')}
          autoComplete="off"
          spellCheck={false}
        />
        <Button type="submit" disabled={typed.trim() === ''}>
          Explain
        </Button>
      </form>
      {subject !== undefined && <Answer segment={segment} subject={subject} asOf={asOf} />}
    </section>
  );
}

function Answer({ segment, subject, asOf }: { segment: Segment; subject: string; asOf: string | undefined }) {
  const environment = useEnvironment();
  const asked = useQuery(explanationQuery(environment.id, segment, subject, asOf));
  if (asked.error) {
    return (
      <div className="mt-3">
        <Failure
          cause={asked.error}
          title={`Nothing can be said about ${subject}`}
          retry={() => void asked.refetch()}
        />
      </div>
    );
  }
  if (asked.data === undefined) return <Skeleton lines={3} className="mt-2" />;
  const { member, explanation } = asked.data;
  return (
    <div className="mt-3 text-data">
      <p role="status" className="mb-1.5 text-body">
        <Link
          to={segment.level === 'user' ? '/users/$id' : '/companies/$id'}
          params={{ id: subject }}
          search={segment.level === 'user' ? { as_of: asOf } : {}}
          className="font-medium hover:text-accent"
        >
          {subject}
        </Link>{' '}
        {member === null
          ? 'cannot be decided: a value is not of the type that it is compared as.'
          : `${asOf === undefined ? 'is' : 'was'}${member ? '' : ' not'} in this segment.`}
      </p>
      {/* A rule about somebody reads as an outline: the parts of a group stand below it. */}
      <ul aria-label="The rule, part by part">
        <Part part={explanation} />
      </ul>
    </div>
  );
}

const SIGNS = {
  true: { sign: '✓', words: 'holds', tone: 'text-good' },
  false: { sign: '✗', words: 'does not hold', tone: 'text-bad' },
  null: { sign: '?', words: 'cannot be decided', tone: 'text-warn' },
} as const;

function Part({ part }: { part: Explained }) {
  const { text, holds, seen, members } = part;
  const { sign, words, tone } = SIGNS[String(holds) as keyof typeof SIGNS];
  return (
    <li className="border-l border-line pl-2.5">
      <div className="flex items-baseline gap-2 py-0.5">
        <span className={classNames('w-3 shrink-0 font-semibold', tone)} aria-hidden="true">
          {sign}
        </span>
        <span className="min-w-0">
          <code className="break-words">{text}</code>
          <span className="sr-only"> {words}</span>
          {(members === undefined || members.length === 0) && (
            <span className="ml-2 text-muted">{seenWords(text, seen)}</span>
          )}
        </span>
      </div>
      {members !== undefined && members.length > 0 && (
        <ul className="ml-1.5">
          {members.map((member, index) => (
            <Part key={`${index} ${member.text}`} part={member} />
          ))}
        </ul>
      )}
    </li>
  );
}

/** What was found: a value, how many events, or nothing. Membership in a list says itself. */
function seenWords(text: string, seen: unknown): string {
  if (text.startsWith('in segment')) return '';
  if (seen === null || seen === undefined) return 'has no value';
  if (typeof seen === 'number' && /^(did|viewed) /.test(text)) return countOf(seen, 'time');
  return `is ${reading(seen).text}`;
}
