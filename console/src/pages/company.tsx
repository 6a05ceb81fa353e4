import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';
import { companyQuery, usersOfCompanyQuery } from '../api/profiles.ts';
import { Refusal } from '../api/refusal.ts';
import type { Company, PropertyDetail } from '../api/types.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment } from '../frame/session.ts';
import type { TimelineSearch } from '../history-search.ts';
import type { ListSearch } from '../router.tsx';
import { countOf } from '../text/number.ts';
import { firstText } from '../text/value.ts';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Time } from '../ui/time.tsx';
import { DeleteProfile } from './delete-profile.tsx';
import { ProfileList } from './profile-list.tsx';
import { Back, Columns, Facts, IdFact, LatestCalls, Properties, UnknownProfile } from './profile-parts.tsx';
import { SegmentsOf } from './segments/segments-of.tsx';
import { Timeline } from './timeline.tsx';
import { FullTime, useEscapeTo, valuesOf } from './user.tsx';
import { USER_FIRST, USER_KNOWN, USER_SAID } from './user-columns.tsx';

const KNOWN = USER_KNOWN.filter(({ name }) => name !== 'company');
const USUAL = ['email', 'last_seen'];

export function CompanyPage() {
  const { id } = useParams({ from: '/frame/companies/$id' });
  const environment = useEnvironment();
  const company = useQuery(companyQuery(environment.id, id));
  useEscapeTo('/companies');
  const above = <Back to="/companies">Companies</Back>;
  if (company.error) {
    const isUnknown = company.error instanceof Refusal && company.error.status === 404;
    return (
      <Page title={id} above={above}>
        {isUnknown ? (
          <UnknownProfile what="company" id={id} to="/companies" />
        ) : (
          <div className="px-4 sm:px-6">
            <Failure
              cause={company.error}
              title="This company could not be read"
              retry={() => void company.refetch()}
            />
          </div>
        )}
      </Page>
    );
  }
  if (company.data === undefined) {
    return (
      <Page title={id} above={above}>
        <Skeleton lines={8} className="px-4 sm:px-6" />
      </Page>
    );
  }
  return <Detail company={company.data} />;
}

function Detail({ company }: { company: Company }) {
  const properties = company.properties as Record<string, PropertyDetail>;
  const name = firstText(valuesOf(properties), ['name']);
  const environment = useEnvironment();
  const search = useSearch({ from: '/frame/companies/$id' });
  const navigate = useNavigate({ from: '/companies/$id' });
  const change = useCallback(
    (change: Partial<ListSearch> & TimelineSearch) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false }),
    [navigate],
  );
  return (
    <Page
      title={name ?? company.company_id}
      above={<Back to="/companies">Companies</Back>}
      line={
        <>
          {countOf(company.user_count, 'user')}
          {', seen '}
          <Time at={company.last_seen_at} />
        </>
      }
      actions={<DeleteProfile kind="companies" id={company.company_id} name={name} />}
    >
      <Columns
        main={
          <>
            <section className="mb-10">
              <h2 className="mb-3 text-[15px] leading-6 font-semibold">Users</h2>
              <ProfileList
                embedded
                label={`Users of ${company.company_id}`}
                searchLabel="Search by id, e-mail or name"
                query={usersOfCompanyQuery(environment.id, company.company_id, search.q ?? '')}
                search={search}
                onSearch={change}
                first={USER_FIRST}
                known={KNOWN}
                usual={USUAL}
                said={USER_SAID}
                idOf={(user) => user.user_id}
                onOpen={(id) => void navigate({ to: '/users/$id', params: { id }, search: {} })}
                empty={
                  <Empty title="Nobody belongs to this company">
                    A user joins it when an identify call names it:{' '}
                    <code>{`"company": {"id": "${company.company_id}"}`}</code>
                  </Empty>
                }
              />
            </section>
            <Properties
              properties={properties}
              search={search.property ?? ''}
              onSearch={(text) =>
                void navigate({
                  search: (before) => ({ ...before, property: text || undefined }),
                  replace: true,
                })
              }
              empty="Nothing but the id is known. Send metadata with a call to /v1/companies/identify."
            />
          </>
        }
        facts={
          <Facts
            facts={[
              ['Company id', <IdFact key="id" id={company.company_id} />],
              ['Last seen', <FullTime key="last" at={company.last_seen_at} />],
              ['First seen', <FullTime key="first" at={company.first_seen_at} />],
              ['Created', <FullTime key="created" at={company.created_at} />],
            ]}
          />
        }
        calls={
          <>
            <SegmentsOf level="company" id={company.company_id} />
            <Timeline
              subject={{ kind: 'companies', id: company.company_id }}
              search={search}
              onSearch={change}
            />
            <LatestCalls subject={company.company_id} />
          </>
        }
      />
    </Page>
  );
}
