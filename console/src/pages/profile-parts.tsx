/** What the pages of a person and of a company share. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { callsQuery } from '../api/calls.ts';
import type { PropertyDetail } from '../api/types.ts';
import { useEnvironment } from '../frame/session.ts';
import { countOf } from '../text/number.ts';
import { reading } from '../text/value.ts';
import { classNames } from '../ui/class-names.ts';
import { CopyIconButton } from '../ui/copy.tsx';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { BackIcon } from '../ui/icons.tsx';
import { SearchBox } from '../ui/search-box.tsx';
import { Status } from '../ui/status.tsx';
import { Time } from '../ui/time.tsx';
import { FullValue } from '../ui/value.tsx';

export function Back({
  to,
  children,
}: {
  to:
    | '/users'
    | '/companies'
    | '/jobs'
    | '/jobs/erasures'
    | '/jobs/exports'
    | '/events'
    | '/segments'
    | '/reports'
    | '/dashboards';
  children: ReactNode;
}) {
  return (
    <Link
      to={to}
      search={{}}
      className="mb-1 -ml-1 inline-flex items-center gap-0.5 text-data text-muted hover:text-ink"
    >
      <BackIcon size={14} /> {children}
    </Link>
  );
}

/** The columns of a detail page: what is known left, what happened right; on a phone what happened comes last. */
export function Columns({ main, facts, calls }: { main: ReactNode; facts: ReactNode; calls: ReactNode }) {
  return (
    <div className="grid gap-x-10 px-4 sm:px-6 xl:grid-cols-[minmax(0,1fr)_420px] xl:grid-rows-[auto_1fr]">
      <div className="min-w-0 xl:col-start-2">{facts}</div>
      <div className="min-w-0 xl:col-start-1 xl:row-span-2 xl:row-start-1">{main}</div>
      <div className="min-w-0 xl:col-start-2 xl:row-start-2">{calls}</div>
    </div>
  );
}

export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="mb-8 grid grid-cols-[auto_minmax(0,1fr)] items-baseline gap-x-6 gap-y-2 text-data max-xl:border-t max-xl:border-line max-xl:pt-4 xl:rounded-lg xl:bg-surface xl:px-4 xl:py-3.5">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function IdFact({ id }: { id: string }) {
  return (
    <span className="flex items-baseline gap-1">
      <code className="min-w-0 break-all">{id}</code>
      <CopyIconButton text={id} what="the id" />
    </span>
  );
}

const TYPE_WORDS: Record<string, string> = { String: 'text', Numeric: 'number', Date: 'date' };

function typeWord({ value, type }: PropertyDetail): string {
  return typeof value === 'boolean' ? 'yes or no' : (TYPE_WORDS[type] ?? type.toLowerCase());
}

export function Properties({
  properties,
  search,
  onSearch,
  empty,
}: {
  properties: Record<string, PropertyDetail>;
  search: string;
  onSearch: (text: string) => void;
  empty: string;
}) {
  const all = Object.entries(properties).toSorted(([a], [b]) => a.localeCompare(b));
  const wanted = search.toLowerCase();
  const shown = all.filter(
    ([name, detail]) =>
      name.toLowerCase().includes(wanted) ||
      reading(detail.value, detail.type).text.toLowerCase().includes(wanted),
  );
  return (
    <section className="mb-10">
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <h2 className="text-[15px] leading-6 font-semibold">
          Properties <span className="figures ml-1 font-normal text-muted">{all.length}</span>
        </h2>
        {all.length > 8 && (
          <SearchBox
            label="Search properties"
            value={search}
            onSearch={onSearch}
            className="w-[220px] max-sm:w-full"
          />
        )}
      </div>
      {all.length === 0 ? (
        <p className="border-t border-line py-6 text-muted">{empty}</p>
      ) : (
        <table className="w-full table-fixed border-collapse border-t border-line text-data">
          <colgroup>
            <col className="w-[34%]" />
            <col />
            <col className="w-[84px] max-sm:hidden" />
            <col className="w-[104px]" />
          </colgroup>
          <thead>
            <tr className="text-left text-muted">
              <th scope="col" className="h-8 pr-3 font-medium">
                Name
              </th>
              <th scope="col" className="pr-3 font-medium">
                Value
              </th>
              <th scope="col" className="pr-3 font-medium max-sm:hidden">
                Type
              </th>
              <th scope="col" className="text-right font-medium">
                Changed
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map(([name, detail]) => (
              <tr key={name} className="border-t border-line align-top">
                <th scope="row" className="py-2 pr-3 text-left font-normal break-words text-muted">
                  {name}
                </th>
                <td className="py-2 pr-3">
                  <FullValue value={detail.value} type={detail.type} />
                  {detail.tied && (
                    <span className="block text-muted">
                      Two values came for the same moment; this one counts because it sorts last.
                    </span>
                  )}
                </td>
                <td className="py-2 pr-3 text-muted max-sm:hidden">{typeWord(detail)}</td>
                <td className="py-2 text-right text-muted">
                  <Time at={detail.occurred_at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {all.length > 0 && shown.length === 0 && (
        <p className="py-6 text-muted">
          None of the {countOf(all.length, 'property', 'properties')} has “{search}” in its name or value.
        </p>
      )}
    </section>
  );
}

/** The newest recorded calls about somebody. */
export function LatestCalls({ subject }: { subject: string }) {
  const environment = useEnvironment();
  const calls = useQuery(callsQuery(environment.id, { subject }, 8));
  return (
    <section className="mb-8">
      <div className="mb-2 flex items-baseline justify-between gap-2">
        <h2 className="text-[15px] leading-6 font-semibold">Latest calls</h2>
        <Link to="/live" search={{ subject }} className="link text-data">
          All in Live
        </Link>
      </div>
      {calls.isPending && <Skeleton lines={3} />}
      {calls.data?.data.length === 0 && (
        <p className="text-data text-muted">None of the newest recorded calls is about {subject}.</p>
      )}
      <ul>
        {calls.data?.data.map((call) => (
          <li key={call.sequence} className="border-t border-line first:border-t-0">
            <Link
              to="/live"
              search={{ subject, call: call.sequence }}
              className="-mx-2 flex items-center gap-2.5 rounded-md px-2 py-1.5 text-data hover:bg-hover"
            >
              <Status status={call.status} />
              <span className="min-w-0 flex-1 truncate">
                {call.event_name ?? call.path.replace('/v1', '')}
              </span>
              <Time at={call.at} className="text-muted" />
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function UnknownProfile({
  what,
  id,
  to,
}: {
  what: 'user' | 'company';
  id: string;
  to: '/users' | '/companies';
}) {
  return (
    <div className={classNames('px-4')}>
      <Empty
        title={`There is no ${what} ${id}`}
        action={
          <Link to={to} search={{ q: id }} className="link">
            Search for {id}
          </Link>
        }
      >
        Ids count exactly as they were sent, case included. The {what} may also be in another environment.
      </Empty>
    </div>
  );
}
