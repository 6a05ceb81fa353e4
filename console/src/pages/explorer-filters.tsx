import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useId, useMemo, useState } from 'react';
import { eventNamesQuery } from '../api/history.ts';
import { useEnvironment } from '../frame/session.ts';
import {
  type ExplorerSearch,
  fromLocal,
  propertyFilter,
  propertyOf,
  TIMES,
  type TimeName,
  toLocal,
} from '../history-search.ts';
import { viewerTimeZone } from '../text/time.ts';
import { Button } from '../ui/button.tsx';
import { classNames } from '../ui/class-names.ts';
import { INPUT } from '../ui/field.tsx';
import { CloseIcon } from '../ui/icons.tsx';
import { useIsSmall } from '../ui/media.ts';
import { KindChoice } from './event-body.tsx';

interface Props {
  search: ExplorerSearch;
  onChange: (change: ExplorerSearch) => void;
}

const TIME_TITLES: Record<TimeName, string> = {
  '1h': 'Last hour',
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
};

export function ExplorerFilters({ search, onChange }: Props) {
  const isSmall = useIsSmall();
  const hasMore = [search.user, search.company, search.property].some((value) => value !== undefined);
  const [showsMore, setShowsMore] = useState(hasMore);
  const change = (change: ExplorerSearch) => onChange({ ...change, row: undefined, opened: undefined });
  return (
    <div className="flex flex-wrap items-center gap-2 px-4 pb-3 sm:px-6">
      <KindChoice chosen={search} onChange={change} className="!w-[190px] max-sm:!w-auto max-sm:flex-1" />
      {isSmall && (
        <Button aria-expanded={showsMore} onClick={() => setShowsMore(!showsMore)}>
          {showsMore ? 'Less' : 'More'}
        </Button>
      )}
      {(!isSmall || showsMore) && (
        <>
          <IdFilter label="User id" value={search.user} onChange={(user) => change({ user })} />
          <IdFilter label="Company id" value={search.company} onChange={(company) => change({ company })} />
          <TimeFilter search={search} onChange={change} />
          <PropertyFilter search={search} onChange={change} />
        </>
      )}
      {search.property?.map((filter) => {
        const { name, value } = propertyOf(filter);
        return (
          <button
            key={filter}
            type="button"
            onClick={() => {
              const left = search.property?.filter((each) => each !== filter);
              change({ property: left?.length ? left : undefined });
            }}
            className="inline-flex h-8 min-w-0 items-center gap-1.5 rounded-md bg-accent-wash px-2.5 text-data text-accent"
            title="Take this filter away"
          >
            <span className="min-w-0 truncate">
              {name} is {value === '' ? '""' : value}
            </span>
            <CloseIcon size={12} />
          </button>
        );
      })}
    </div>
  );
}

function IdFilter({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}) {
  const take = (text: string) => {
    const id = text || undefined;
    if (id !== value) onChange(id);
  };
  return (
    <input
      key={value ?? ''}
      type="text"
      aria-label={label}
      placeholder={label}
      defaultValue={value ?? ''}
      onBlur={({ target }) => take(target.value)}
      onKeyDown={(event) => event.key === 'Enter' && take(event.currentTarget.value)}
      className={classNames(INPUT, '!w-[132px] max-sm:!w-full')}
      autoComplete="off"
      spellCheck={false}
    />
  );
}

function TimeFilter({ search, onChange }: Props) {
  const hasRange = search.from !== undefined || search.to !== undefined;
  const [wantsRange, setWantsRange] = useState(false);
  const showsRange = hasRange || wantsRange;
  return (
    <>
      <select
        aria-label="Time"
        value={showsRange ? 'range' : (search.time ?? '')}
        onChange={({ target }) => {
          setWantsRange(target.value === 'range');
          const time = (Object.keys(TIMES) as TimeName[]).find((name) => name === target.value);
          onChange({ time, from: undefined, to: undefined });
        }}
        className={classNames(INPUT, '!w-[132px] max-sm:!w-full')}
      >
        <option value="">Any time</option>
        {Object.entries(TIME_TITLES).map(([name, title]) => (
          <option key={name} value={name}>
            {title}
          </option>
        ))}
        <option value="range">From … to …</option>
      </select>
      {showsRange && (
        <>
          <MomentInput label="From" value={search.from} onChange={(from) => onChange({ from })} />
          <MomentInput label="Until before" value={search.to} onChange={(to) => onChange({ to })} />
        </>
      )}
    </>
  );
}

/** A date and time in the viewer's zone; taken when it is left, not with every key. */
function MomentInput({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string | undefined;
  onChange: (at: string | undefined) => void;
}) {
  return (
    <input
      key={value ?? ''}
      type="datetime-local"
      aria-label={label}
      title={`${label}, in ${viewerTimeZone()}`}
      defaultValue={toLocal(value)}
      onBlur={({ target }) => {
        if (target.value !== toLocal(value)) onChange(fromLocal(target.value));
      }}
      onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
      className={classNames(INPUT, '!w-[214px] max-sm:!w-full')}
    />
  );
}

const NAMES_OFFERED_MAX = 200;

function PropertyFilter({ search, onChange }: Props) {
  const environment = useEnvironment();
  const names = useQuery(eventNamesQuery(environment.id, viewerTimeZone()));
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  const listId = useId();
  const offered = useMemo(() => {
    const all = new Set(
      (names.data?.data ?? []).flatMap((event) => event.properties.map(({ name }) => name)),
    );
    return [...all].toSorted().slice(0, NAMES_OFFERED_MAX);
  }, [names.data]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name === '') return;
    const filter = propertyFilter(name, value);
    onChange({ property: [...(search.property ?? []).filter((each) => each !== filter), filter] });
    setName('');
    setValue('');
  };
  return (
    <form onSubmit={submit} className="flex items-center gap-1.5 max-sm:w-full">
      <input
        type="text"
        aria-label="Property"
        placeholder="Property"
        list={listId}
        value={name}
        onChange={({ target }) => setName(target.value)}
        className={classNames(INPUT, '!w-[116px] max-sm:!w-auto max-sm:flex-1')}
        autoComplete="off"
        spellCheck={false}
      />
      <datalist id={listId}>
        {offered.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      <span className="text-data text-muted">is</span>
      <input
        type="text"
        aria-label="Value"
        placeholder="Value"
        value={value}
        onChange={({ target }) => setValue(target.value)}
        className={classNames(INPUT, '!w-[96px] max-sm:!w-auto max-sm:flex-1')}
        autoComplete="off"
        spellCheck={false}
      />
      <Button type="submit" disabled={name === ''}>
        Add
      </Button>
    </form>
  );
}
