import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';
import { overviewQuery } from '../api/calls.ts';
import { usersQuery } from '../api/profiles.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment } from '../frame/session.ts';
import type { ListSearch } from '../router.tsx';
import type { FilterSearch } from '../rule/search.ts';
import { count, countOf } from '../text/number.ts';
import { viewerTimeZone } from '../text/time.ts';
import { buttonClass } from '../ui/button.tsx';
import { Empty } from '../ui/empty.tsx';
import { ProfileList } from './profile-list.tsx';
import { FilterBar } from './segments/filter-bar.tsx';
import { USER_FIRST, USER_KNOWN, USER_SAID, USER_USUAL } from './user-columns.tsx';

export function Users() {
  const environment = useEnvironment();
  const search = useSearch({ from: '/frame/users' });
  const navigate = useNavigate({ from: '/users' });
  const overview = useQuery(overviewQuery(environment.id, viewerTimeZone()));
  const change = useCallback(
    (change: Partial<ListSearch> & FilterSearch) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const total = overview.data?.users_total;
  return (
    <Page
      title="Users"
      fill
      line={
        total === undefined
          ? ''
          : `${countOf(total, 'person', 'people')}, ${count(overview.data?.today.new_users ?? 0)} new today`
      }
    >
      <ProfileList
        label="Users"
        searchLabel="Search by id, e-mail or name"
        query={usersQuery(environment.id, search.filter === undefined ? (search.q ?? '') : '', search.filter)}
        search={search}
        filter={
          <FilterBar
            level="user"
            filter={search.filter}
            onChange={(filter) => change({ filter, q: undefined, row: undefined })}
          />
        }
        onUnfiltered={
          search.filter === undefined ? undefined : () => change({ filter: undefined, q: undefined })
        }
        onSearch={change}
        first={USER_FIRST}
        known={USER_KNOWN}
        usual={USER_USUAL}
        said={USER_SAID}
        idOf={(user) => user.user_id}
        onOpen={(id) => {
          change({ row: id });
          void navigate({ to: '/users/$id', params: { id }, search: {} });
        }}
        empty={
          <Empty
            title="Nobody has been identified yet"
            action={
              <Link to="/" className={buttonClass('primary')}>
                Send the first call
              </Link>
            }
          >
            Every user that your product identifies appears here, with the properties it sends and the company
            they belong to.
          </Empty>
        }
      />
    </Page>
  );
}
