import { useQuery } from '@tanstack/react-query';
import { Link, useCanGoBack, useNavigate, useParams, useRouter, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';
import { pastUserQuery } from '../api/history.ts';
import { companyQuery, userQuery } from '../api/profiles.ts';
import { Refusal } from '../api/refusal.ts';
import type { PropertyDetail, User } from '../api/types.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment } from '../frame/session.ts';
import type { AsOfSearch, TimelineSearch } from '../history-search.ts';
import { useKeys } from '../keyboard/keys.ts';
import type { DetailSearch } from '../router.tsx';
import { absolute } from '../text/time.ts';
import { firstText } from '../text/value.ts';
import { classNames } from '../ui/class-names.ts';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Time } from '../ui/time.tsx';
import { AsOf } from './as-of.tsx';
import { DeleteProfile } from './delete-profile.tsx';
import { Back, Columns, Facts, IdFact, LatestCalls, Properties, UnknownProfile } from './profile-parts.tsx';
import { SegmentsOf } from './segments/segments-of.tsx';
import { Timeline } from './timeline.tsx';

/** The plain values of properties that came with their details. */
export function valuesOf(properties: Record<string, PropertyDetail>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).map(([name, { value }]) => [name, value]));
}

export function UserPage() {
  const { id } = useParams({ from: '/frame/users/$id' });
  const environment = useEnvironment();
  const user = useQuery(userQuery(environment.id, id));
  useEscapeTo('/users');
  const above = <Back to="/users">Users</Back>;
  if (user.error) {
    const isUnknown = user.error instanceof Refusal && user.error.status === 404;
    return (
      <Page title={id} above={above}>
        {isUnknown ? (
          <UnknownProfile what="user" id={id} to="/users" />
        ) : (
          <div className="px-4 sm:px-6">
            <Failure
              cause={user.error}
              title="This user could not be read"
              retry={() => void user.refetch()}
            />
          </div>
        )}
      </Page>
    );
  }
  if (user.data === undefined) {
    return (
      <Page title={id} above={above}>
        <Skeleton lines={8} className="px-4 sm:px-6" />
      </Page>
    );
  }
  return <Person user={user.data} />;
}

export function useEscapeTo(
  to:
    | '/users'
    | '/companies'
    | '/jobs'
    | '/jobs/erasures'
    | '/jobs/exports'
    | '/events'
    | '/segments'
    | '/reports'
    | '/dashboards',
) {
  const navigate = useNavigate();
  const canGoBack = useCanGoBack();
  const { history } = useRouter();
  useKeys({
    Escape: () => (canGoBack ? history.back() : void navigate({ to, search: {} })),
  });
}

function Person({ user: now }: { user: User }) {
  const environment = useEnvironment();
  const search = useSearch({ from: '/frame/users/$id' });
  const navigate = useNavigate({ from: '/users/$id' });
  const past = useQuery(pastUserQuery(environment.id, now.user_id, search.as_of));
  const user = search.as_of === undefined ? now : (past.data ?? now);
  const properties = user.properties as Record<string, PropertyDetail>;
  const values = valuesOf(properties);
  const change = useCallback(
    (change: TimelineSearch & AsOfSearch & DetailSearch) =>
      void navigate({
        search: (before) => ({ ...before, ...change }),
        replace: true,
        resetScroll: false,
      }),
    [navigate],
  );
  const setAsOf = useCallback((as_of: string | undefined) => change({ as_of, opened: undefined }), [change]);
  const wasNobody = past.error instanceof Refusal && past.error.status === 404;
  const name = firstText(values, ['name']);
  const email = firstText(values, ['email']);
  return (
    <Page
      title={name ?? email ?? user.user_id}
      above={<Back to="/users">Users</Back>}
      line={
        <>
          {email ?? user.user_id}
          {', seen '}
          <Time at={user.last_seen_at} />
        </>
      }
      actions={<DeleteProfile kind="users" id={user.user_id} name={name} />}
    >
      <AsOf first={now.first_seen_at ?? now.created_at ?? ''} asOf={search.as_of} onChange={setAsOf} />
      <Columns
        main={
          search.as_of !== undefined && past.error !== null ? (
            wasNobody ? (
              <Empty title="Nobody was known by this id then">
                The first that is known of {now.user_id} is of <FullTime at={now.first_seen_at} />.
              </Empty>
            ) : (
              <Failure
                cause={past.error}
                title="The past could not be read"
                retry={() => void past.refetch()}
              />
            )
          ) : search.as_of !== undefined && past.data === undefined ? (
            <Skeleton lines={8} />
          ) : (
            <div
              className={classNames(
                'transition-opacity delay-300',
                search.as_of !== undefined && past.isPlaceholderData && 'opacity-60',
              )}
            >
              <Properties
                properties={properties}
                search={search.property ?? ''}
                onSearch={(text) => change({ property: text || undefined })}
                empty={
                  search.as_of === undefined
                    ? 'Nothing but the id is known. Send metadata with the next identify call.'
                    : 'Nothing but the id was known then.'
                }
              />
            </div>
          )
        }
        facts={
          <Facts
            facts={[
              ['User id', <IdFact key="id" id={user.user_id} />],
              ['Company', <CompanyOf key="company" id={user.company_id ?? null} />],
              ['Last seen', <FullTime key="last" at={user.last_seen_at} />],
              ['First seen', <FullTime key="first" at={user.first_seen_at} />],
              ['Created', <FullTime key="created" at={user.created_at} />],
            ]}
          />
        }
        calls={
          <>
            {(search.as_of === undefined || past.data !== undefined) && (
              <SegmentsOf level="user" id={user.user_id} asOf={search.as_of} />
            )}
            <Timeline
              subject={{ kind: 'users', id: user.user_id }}
              search={search}
              onSearch={change}
              until={search.as_of}
            />
            {search.as_of === undefined && <LatestCalls subject={user.user_id} />}
          </>
        }
      />
    </Page>
  );
}

export function FullTime({ at }: { at: string | null | undefined }) {
  if (!at) return <span className="text-muted">not known</span>;
  return (
    <time dateTime={at} title={absolute(Date.parse(at), 'UTC')}>
      {absolute(Date.parse(at))}
    </time>
  );
}

function CompanyOf({ id }: { id: string | null }) {
  const environment = useEnvironment();
  const company = useQuery({ ...companyQuery(environment.id, id ?? '', false), enabled: id !== null });
  if (id === null) return <span className="text-muted">belongs to none</span>;
  const name = company.data && firstText(company.data.properties, ['name']);
  return (
    <Link to="/companies/$id" params={{ id }} search={{}} className="link">
      {name ?? id}
    </Link>
  );
}
