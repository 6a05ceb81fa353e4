import { useState } from 'react';
import type { CallFilter } from '../api/calls.ts';
import { Button } from '../ui/button.tsx';
import { classNames } from '../ui/class-names.ts';
import { INPUT } from '../ui/field.tsx';
import { useIsSmall } from '../ui/media.ts';
import { SearchBox } from '../ui/search-box.tsx';
import { useKeyNames } from './live.tsx';

const STATUSES: [CallFilter['status'] | undefined, string][] = [
  [undefined, 'All'],
  ['stored', 'Stored'],
  ['refused', 'Refused'],
  ['duplicate', 'Repeated'],
  ['read', 'Reads'],
];

const PATHS = [
  '/v1/identify',
  '/v1/companies/identify',
  '/v1/track',
  '/v1/users',
  '/v1/companies',
  '/v1/events',
];

interface Props {
  filter: CallFilter;
  onChange: (change: Partial<CallFilter>) => void;
}

export function LiveFilters({ filter, onChange }: Props) {
  const keys = useKeyNames();
  const isSmall = useIsSmall();
  const hasMore = [filter.key, filter.path, filter.subject, filter.event].some(
    (value) => value !== undefined,
  );
  const [showsMore, setShowsMore] = useState(hasMore);
  return (
    <div className="flex flex-wrap items-center gap-2 px-4 pb-3 sm:px-6">
      <fieldset className="flex overflow-hidden rounded-md border border-line-strong">
        <legend className="sr-only">Outcome</legend>
        {STATUSES.map(([status, title]) => (
          <label
            key={title}
            className={classNames(
              'flex h-[30px] cursor-pointer items-center border-l border-line px-2.5 text-data max-sm:px-1.5 first:border-l-0 hover:bg-hover has-focus-visible:outline-2 has-focus-visible:-outline-offset-2 has-focus-visible:outline-accent',
              filter.status === status ? 'bg-accent-wash font-medium text-accent' : 'text-muted',
            )}
          >
            <input
              type="radio"
              name="outcome"
              className="sr-only"
              checked={filter.status === status}
              onChange={() => onChange({ status })}
            />
            {title}
          </label>
        ))}
      </fieldset>
      {isSmall && (
        <Button aria-expanded={showsMore} onClick={() => setShowsMore(!showsMore)} className="!h-[32px]">
          {showsMore ? 'Less' : 'More'}
        </Button>
      )}
      {(!isSmall || showsMore) && <MoreFilters filter={filter} onChange={onChange} keys={keys} />}
    </div>
  );
}

function MoreFilters({ filter, onChange, keys }: Props & { keys: { id: number; name: string }[] }) {
  return (
    <>
      <SearchBox
        label="User or company id"
        value={filter.subject ?? ''}
        onSearch={(text) => onChange({ subject: text || undefined })}
        className="w-[178px] max-sm:w-full"
      />
      <input
        type="text"
        aria-label="Event name"
        placeholder="Event name"
        defaultValue={filter.event ?? ''}
        key={filter.event ?? ''}
        onBlur={({ target }) => onChange({ event: target.value || undefined })}
        onKeyDown={(event) =>
          event.key === 'Enter' && onChange({ event: event.currentTarget.value || undefined })
        }
        className={classNames(INPUT, '!w-[128px] max-sm:!w-full')}
      />
      <select
        aria-label="Path"
        value={filter.path ?? ''}
        onChange={({ target }) => onChange({ path: target.value || undefined })}
        className={classNames(INPUT, '!w-[172px] max-sm:!w-full')}
      >
        <option value="">Any path</option>
        {PATHS.map((path) => (
          <option key={path}>{path}</option>
        ))}
      </select>
      {keys.length > 0 && (
        <select
          aria-label="Key"
          value={filter.key ?? ''}
          onChange={({ target }) => onChange({ key: target.value === '' ? undefined : Number(target.value) })}
          className={classNames(INPUT, '!w-[132px] max-sm:!w-full')}
        >
          <option value="">Any key</option>
          {keys.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
    </>
  );
}
