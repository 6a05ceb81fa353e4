/** Every property that was ever sent: what it is taken for, and where its values do not agree. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { declareProperty, type Property, propertiesQuery } from '../api/history.ts';
import { sessionQuery } from '../api/session.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment, useMay } from '../frame/session.ts';
import { OWNERS, type Owner, type PropertiesSearch } from '../history-search.ts';
import { useKeys } from '../keyboard/keys.ts';
import { propertyType } from '../text/history.ts';
import { count, countOf } from '../text/number.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { classNames } from '../ui/class-names.ts';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Checkbox, SelectField } from '../ui/field.tsx';
import { CloseIcon } from '../ui/icons.tsx';
import { useIsWide } from '../ui/media.ts';
import { Rows } from '../ui/rows.ts';
import { SearchBox } from '../ui/search-box.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { State } from '../ui/status.tsx';
import { Conflict, Readings } from './event.tsx';
import { EventTabs } from './event-tabs.tsx';

const OWNER_TITLES: Record<Owner, string> = { user: 'Users', company: 'Companies', event: 'Events' };

const sent = ({ types }: Property) => types.reduce((sum, { count }) => sum + count, 0);

const NAME: Column<Property> = {
  name: 'name',
  title: 'Property',
  width: 220,
  onSmall: true,
  cell: ({ name, pii }) => (
    <span title={name}>
      <span className="font-medium">{name}</span>
      {pii && <span className="text-muted"> · personal data</span>}
    </span>
  ),
};
const COLUMNS: Column<Property>[] = [
  NAME,
  {
    name: 'type',
    title: 'Type',
    width: 200,
    onSmall: true,
    cell: ({ type, declared_type }) =>
      declared_type === null ? (
        propertyType(type)
      ) : (
        <>
          {propertyType(declared_type)} <span className="text-muted">declared</span>
        </>
      ),
  },
  {
    name: 'conflict',
    title: 'Values agree',
    width: 130,
    cell: ({ conflict }) =>
      conflict ? <State tone="warn">conflict</State> : <span className="text-muted">yes</span>,
  },
  { name: 'sent', title: 'Sent', width: 120, align: 'right', cell: (property) => count(sent(property)) },
];

export function PropertyCatalogue() {
  const environment = useEnvironment();
  const search = useSearch({ from: '/frame/events/properties' });
  const navigate = useNavigate({ from: '/events/properties' });
  const owner = search.owner ?? 'user';
  const list = useQuery(propertiesQuery(environment.id, owner));
  const isWide = useIsWide();
  const { q, conflicts, opened } = search;
  const change = useCallback(
    (change: PropertiesSearch) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const setText = useCallback((q: string) => change({ q: q || undefined, row: undefined }), [change]);
  const open = (name: string | undefined) =>
    void navigate({
      search: (before) => ({ ...before, opened: name, row: name ?? before.row }),
      replace: opened !== undefined,
    });
  const rows = useMemo(() => {
    const wanted = (q ?? '').toLowerCase();
    const found = (list.data?.data ?? []).filter(
      ({ name, conflict }) => name.toLowerCase().includes(wanted) && (!conflicts || conflict),
    );
    return new Rows([found]);
  }, [list.data, q, conflicts]);
  useKeys({
    r: () => void list.refetch(),
    Escape: () => opened !== undefined && open(undefined),
  });
  const inConflict = list.data?.data.filter(({ conflict }) => conflict).length ?? 0;
  const property = list.data?.data.find(({ name }) => name === opened);
  const showsList = opened === undefined || isWide;
  return (
    <Page
      title="Events"
      fill
      line={
        list.data &&
        `${countOf(list.data.data.length, 'property', 'properties')} of ${OWNER_TITLES[owner].toLowerCase()}, ${
          inConflict === 0 ? 'no conflict' : countOf(inConflict, 'conflict')
        }`
      }
    >
      <EventTabs />
      {showsList && (
        <div className="flex flex-wrap items-center gap-2 px-4 pb-3 sm:px-6">
          <OwnerChoice
            owner={owner}
            onChange={(owner) =>
              change({
                owner: owner === 'user' ? undefined : owner,
                row: undefined,
                opened: undefined,
              })
            }
          />
          <SearchBox
            label="Search properties"
            value={q ?? ''}
            onSearch={setText}
            className="min-w-0 max-w-[320px] flex-1 max-sm:min-w-full"
          />
          <Checkbox
            label="Only conflicts"
            checked={conflicts ?? false}
            onChange={({ target }) => change({ conflicts: target.checked || undefined, row: undefined })}
          />
        </div>
      )}
      {list.error && (
        <div className="px-4 pb-3 sm:px-6">
          <Failure
            cause={list.error}
            title="The properties could not be read"
            retry={() => void list.refetch()}
          />
        </div>
      )}
      {list.isPending && <Skeleton lines={8} className="px-4 sm:px-6" />}
      {list.isSuccess && rows.length === 0 && opened === undefined && (
        <None
          owner={owner}
          isFiltered={(q !== undefined || conflicts === true) && list.data.data.length > 0}
          onClear={() => change({ q: undefined, conflicts: undefined })}
        />
      )}
      {list.data && (rows.length > 0 || opened !== undefined) && (
        <div className="flex min-h-0 flex-1">
          {showsList && rows.length > 0 && (
            <div className="flex min-h-0 min-w-0 flex-1 flex-col">
              <DataTable
                label={`Properties of ${OWNER_TITLES[owner].toLowerCase()}`}
                columns={COLUMNS}
                rows={rows}
                idOf={({ name }) => name}
                selected={opened ?? search.row}
                onSelect={(row) => (opened === undefined ? change({ row }) : open(row))}
                onOpen={open}
              />
            </div>
          )}
          {opened !== undefined && (
            <section
              aria-label="Opened property"
              className={classNames(
                'scroll-thin min-h-0 overflow-y-auto border-t border-line px-4 py-3 sm:px-6',
                isWide ? 'w-[min(46%,520px)] border-l' : 'w-full',
              )}
            >
              <div className="mb-2 flex items-start justify-between gap-3">
                <h2 className="min-w-0 text-[15px] leading-6 font-semibold break-words">{opened}</h2>
                <IconButton label="Close" className="-mt-1 -mr-2" onClick={() => open(undefined)}>
                  <CloseIcon />
                </IconButton>
              </div>
              {property === undefined ? (
                <p className="text-muted">
                  No {owner} has this property, and nobody declared it. Names count exactly as they were sent.
                </p>
              ) : (
                <Detail key={`${owner} ${property.name}`} property={property} />
              )}
            </section>
          )}
        </div>
      )}
    </Page>
  );
}

function OwnerChoice({ owner, onChange }: { owner: Owner; onChange: (owner: Owner) => void }) {
  return (
    <Segmented
      label="Whose properties"
      options={OWNERS.map((each) => [each, OWNER_TITLES[each]] as const)}
      value={owner}
      onChange={onChange}
    />
  );
}

function None({ owner, isFiltered, onClear }: { owner: Owner; isFiltered: boolean; onClear: () => void }) {
  if (isFiltered) {
    return <Empty title="No property is like that" action={<Button onClick={onClear}>Show all</Button>} />;
  }
  const told = {
    user: ['Nobody has properties yet', 'metadata', '/v1/identify'],
    company: ['No company has properties yet', 'metadata', '/v1/companies/identify'],
    event: ['No event brought properties yet', 'metadata', '/v1/track'],
  }[owner];
  return (
    <Empty title={told[0] ?? ''}>
      What calls to <code>{told[2]}</code> send as <code>{told[1]}</code> is listed here, with what its values
      read as.
    </Empty>
  );
}

function Detail({ property }: { property: Property }) {
  const isAdmin = useMay('admin');
  const seesAll = useMay('analyst');
  const { name, owner, type, types, pii, declared_type, conflict } = property;
  return (
    <div className="text-data">
      <p className="mb-3 text-muted">
        {types.length === 0 ? 'Nobody has sent it yet.' : `Its values are taken for ${propertyType(type)}.`}
        {declared_type !== null && ` It was declared to be ${propertyType(declared_type)}.`}
        {pii && ' It is personal data: viewers do not see its values.'}
      </p>
      {conflict && (
        <p className="mb-3 rounded-lg border border-line bg-warn-wash px-3 py-2">
          <Conflict types={types} />
          Filters and numbers treat such values as different. Send them in one way, or declare what is meant
          to see which do not fit.
        </p>
      )}
      {types.length > 0 && (
        <Readings
          types={types}
          masked={pii && !seesAll}
          property={name}
          kind={owner === 'event' ? {} : undefined}
        />
      )}
      {isAdmin && <Declare property={property} />}
    </div>
  );
}

const TYPES = ['string', 'numeric', 'boolean', 'date', 'json'] as const;

function Declare({ property }: { property: Property }) {
  const environment = useEnvironment();
  const cache = useQueryClient();
  const { owner, name } = property;
  const saying = useMutation({
    mutationFn: (said: { declared_type?: (typeof TYPES)[number] | null; pii?: boolean }) =>
      declareProperty(environment.id, { owner, name, ...said }),
    onSuccess: () =>
      Promise.all([
        cache.invalidateQueries({ queryKey: ['properties', environment.id] }),
        // What counts as personal data is a setting of the environment, which the session shows.
        cache.invalidateQueries(sessionQuery),
      ]),
  });
  return (
    <div className="mt-6 max-w-[340px] space-y-3 border-t border-line pt-4">
      <SelectField
        label="What it is meant to be"
        hint="Changes no value: it shows which values do not read so."
        value={property.declared_type ?? ''}
        disabled={saying.isPending}
        onChange={({ target }) =>
          saying.mutate({ declared_type: TYPES.find((type) => type === target.value) ?? null })
        }
      >
        <option value="">Nothing declared</option>
        {TYPES.map((type) => (
          <option key={type} value={type}>
            {propertyType(type)}
          </option>
        ))}
      </SelectField>
      <Checkbox
        label="Personal data"
        hint="Viewers see ••• in its place, whether of users, companies or events."
        checked={property.pii}
        disabled={saying.isPending}
        onChange={({ target }) => saying.mutate({ pii: target.checked })}
      />
      {saying.error && <Failure cause={saying.error} />}
    </div>
  );
}
