import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';
import { overviewQuery } from '../api/calls.ts';
import { companiesQuery } from '../api/profiles.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment } from '../frame/session.ts';
import type { ListSearch } from '../router.tsx';
import type { FilterSearch } from '../rule/search.ts';
import { countOf } from '../text/number.ts';
import { viewerTimeZone } from '../text/time.ts';
import { buttonClass } from '../ui/button.tsx';
import { Empty } from '../ui/empty.tsx';
import { ProfileList } from './profile-list.tsx';
import { FilterBar } from './segments/filter-bar.tsx';
import { COMPANY_FIRST, COMPANY_KNOWN, COMPANY_SAID, COMPANY_USUAL } from './user-columns.tsx';

export function Companies() {
  const environment = useEnvironment();
  const search = useSearch({ from: '/frame/companies' });
  const navigate = useNavigate({ from: '/companies' });
  const overview = useQuery(overviewQuery(environment.id, viewerTimeZone()));
  const change = useCallback(
    (change: Partial<ListSearch> & FilterSearch) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const total = overview.data?.companies_total;
  return (
    <Page title="Companies" fill line={total === undefined ? '' : countOf(total, 'company', 'companies')}>
      <ProfileList
        label="Companies"
        searchLabel="Search by id or name"
        query={companiesQuery(
          environment.id,
          search.filter === undefined ? (search.q ?? '') : '',
          search.filter,
        )}
        search={search}
        filter={
          <FilterBar
            level="company"
            filter={search.filter}
            onChange={(filter) => change({ filter, q: undefined, row: undefined })}
          />
        }
        onUnfiltered={
          search.filter === undefined ? undefined : () => change({ filter: undefined, q: undefined })
        }
        onSearch={change}
        first={COMPANY_FIRST}
        known={COMPANY_KNOWN}
        usual={COMPANY_USUAL}
        said={COMPANY_SAID}
        idOf={(company) => company.company_id}
        onOpen={(id) => {
          change({ row: id });
          void navigate({ to: '/companies/$id', params: { id }, search: {} });
        }}
        empty={
          <Empty
            title="No company yet"
            action={
              <Link to="/" className={buttonClass('primary')}>
                Send the first call
              </Link>
            }
          >
            A company appears when a call names it: <code>"company": {'{"id": "c-1"}'}</code> when a user is
            identified, or a call to <code>/v1/companies/identify</code>.
          </Empty>
        }
      />
    </Page>
  );
}
