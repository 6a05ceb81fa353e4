import { useQuery } from '@tanstack/react-query';
import { propertiesQuery } from '../api/history.ts';
import { useEnvironment, useMay } from '../frame/session.ts';
import type { Level } from '../rule/rule.ts';
import { classNames } from '../ui/class-names.ts';
import { INPUT } from '../ui/field.tsx';

/**
 * By which property numbers are told apart, as `user:plan`: of the event, of the user or of the company, but not by one whose
 * values the viewer may not see.
 */
export function BreakdownSelect({
  level = 'user',
  ofEvent,
  value,
  onChange,
  className,
}: {
  /** Whom the numbers count: a company has no user's properties. */
  level?: Level;
  /** Names of properties that the events bring. */
  ofEvent: string[];
  value: string | undefined;
  onChange: (value: string | undefined) => void;
  className: string;
}) {
  const environment = useEnvironment();
  const seesAll = useMay('analyst');
  const users = useQuery(propertiesQuery(environment.id, 'user'));
  const companies = useQuery(propertiesQuery(environment.id, 'company'));
  const shown = ({ data }: typeof users) =>
    (data?.data ?? []).filter(({ pii }) => seesAll || !pii).map(({ name }) => name);
  const groups = [
    { owner: 'user', title: 'Of the user', names: level === 'user' ? shown(users) : [] },
    { owner: 'company', title: 'Of the company, as known now', names: shown(companies) },
    { owner: 'event', title: 'Of the event', names: ofEvent },
  ];
  const isKnown =
    value === undefined ||
    groups.some(({ owner, names }) => names.some((name) => value === `${owner}:${name}`));
  return (
    <select
      aria-label="Break down"
      value={value ?? ''}
      onChange={({ target }) => onChange(target.value || undefined)}
      className={classNames(INPUT, className)}
    >
      <option value="">Not broken down</option>
      {!isKnown && <option value={value}>by {value.replace(/^\w+:/, '')}</option>}
      {groups
        .filter(({ names }) => names.length > 0)
        .map(({ owner, title, names }) => (
          <optgroup key={owner} label={title}>
            {names.map((name) => (
              <option key={name} value={`${owner}:${name}`}>
                by {name}
              </option>
            ))}
          </optgroup>
        ))}
    </select>
  );
}

/** Whether a user's property tells apart as it is now, or as it was when each event happened. */
export function ValueAtSelect({
  at,
  onChange,
}: {
  at: 'event' | undefined;
  onChange: (at: 'event' | undefined) => void;
}) {
  return (
    <select
      aria-label="Which value of the user"
      value={at ?? 'now'}
      onChange={({ target }) => onChange(target.value === 'event' ? 'event' : undefined)}
      className={classNames(INPUT, '!w-auto')}
    >
      <option value="now">as known now</option>
      <option value="event">as it was at the event</option>
    </select>
  );
}
