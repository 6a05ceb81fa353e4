/** One segment: its rule, its members as of now or of a time, and why somebody is one. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { propertiesQuery } from '../../api/history.ts';
import { Refusal } from '../../api/refusal.ts';
import {
  type ListedMember,
  MEMBERS_MAX,
  type MembersQuestion,
  membersFile,
  membersQuery,
  removeSegment,
  type Segment,
  segmentQuery,
} from '../../api/segments.ts';
import { Page } from '../../frame/page.tsx';
import { useEnvironment, useMay } from '../../frame/session.ts';
import { useKeys } from '../../keyboard/keys.ts';
import type { SegmentSearch } from '../../rule/search.ts';
import { count, countOf } from '../../text/number.ts';
import { Button, buttonClass } from '../../ui/button.tsx';
import { classNames } from '../../ui/class-names.ts';
import { ColumnMenu } from '../../ui/column-menu.tsx';
import { ConfirmByName } from '../../ui/confirm.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { INPUT } from '../../ui/field.tsx';
import { Rows } from '../../ui/rows.ts';
import { save } from '../../ui/save.ts';
import { Time } from '../../ui/time.tsx';
import { ValueCell } from '../../ui/value.tsx';
import { AsOf } from '../as-of.tsx';
import { Back } from '../profile-parts.tsx';
import { useEscapeTo } from '../user.tsx';
import { Explain } from './explain.tsx';
import { meaning } from './segments.tsx';
import { StaticList } from './static-list.tsx';

export function SegmentPage() {
  const { id } = useParams({ from: '/frame/segments/$id' });
  const environment = useEnvironment();
  const segment = useQuery(segmentQuery(environment.id, Number(id)));
  useEscapeTo('/segments');
  const above = <Back to="/segments">Segments</Back>;
  if (segment.error) {
    const isUnknown = segment.error instanceof Refusal && segment.error.status === 404;
    return (
      <Page title={`Segment ${id}`} above={above}>
        {isUnknown ? (
          <Empty
            title={`There is no segment ${id}`}
            action={
              <Link to="/segments" search={{}} className="link">
                Show all segments
              </Link>
            }
          >
            It may have been deleted, or be in another environment.
          </Empty>
        ) : (
          <div className="px-4 sm:px-6">
            <Failure
              cause={segment.error}
              title="The segment could not be read"
              retry={() => void segment.refetch()}
            />
          </div>
        )}
      </Page>
    );
  }
  if (segment.data === undefined) {
    return (
      <Page title={`Segment ${id}`} above={above}>
        <Skeleton lines={8} className="px-4 sm:px-6" />
      </Page>
    );
  }
  return <Detail key={segment.data.id} segment={segment.data} />;
}

/** The slider reaches back so far; a time before that is typed. */
const SLIDER_MS = 90 * 86_400_000;

function Detail({ segment }: { segment: Segment }) {
  const search = useSearch({ from: '/frame/segments/$id' });
  const navigate = useNavigate({ from: '/segments/$id' });
  const mayChange = useMay('analyst');
  const [isAsked, setAsked] = useState(false);
  const change = useCallback(
    (change: SegmentSearch) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false }),
    [navigate],
  );
  const isRule = segment.kind === 'rule';
  // The past of a list is not kept.
  const asOf = isRule ? search.as_of : undefined;
  const [begin] = useState(() => new Date(Date.now() - SLIDER_MS).toISOString());
  const setAsOf = useCallback((as_of: string | undefined) => change({ as_of, row: undefined }), [change]);
  return (
    <Page
      title={segment.name}
      above={<Back to="/segments">Segments</Back>}
      line={
        <>
          {segment.description && `${segment.description}. `}
          {isRule ? 'A rule' : 'A list'} for {segment.level === 'user' ? 'users' : 'companies'}
          {segment.created_by && `, made by ${segment.created_by}`}, changed <Time at={segment.updated_at} />
        </>
      }
      actions={
        mayChange && (
          <>
            <Link
              to="/segments/$id/edit"
              params={{ id: String(segment.id) }}
              search={{}}
              className={buttonClass()}
            >
              Edit
            </Link>
            <Button look="danger" onClick={() => setAsked(true)}>
              Delete
            </Button>
          </>
        )
      }
    >
      {isRule && <AsOf first={begin} asOf={asOf} onChange={setAsOf} />}
      <div className="grid gap-x-10 px-4 sm:px-6 xl:grid-cols-[minmax(0,1fr)_360px]">
        <div className="min-w-0">
          {isRule && (
            <p className="mono mb-6 rounded-lg bg-surface px-3.5 py-2.5 break-words whitespace-pre-wrap">
              {meaning(segment)}
            </p>
          )}
          <Members segment={segment} search={search} asOf={asOf} onSearch={change} />
        </div>
        <div className="min-w-0">
          <Explain
            key={search.explain ?? ''}
            segment={segment}
            subject={search.explain}
            asOf={asOf}
            onSubject={(explain) => change({ explain })}
          />
          {!isRule && mayChange && <StaticList segment={segment} />}
        </div>
      </div>
      {isAsked && <Remove segment={segment} onClose={() => setAsked(false)} />}
    </Page>
  );
}

function Remove({ segment, onClose }: { segment: Segment; onClose: () => void }) {
  const environment = useEnvironment();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const run = async () => {
    await removeSegment(environment.id, segment.id);
    await navigate({ to: '/segments', search: {} });
    cache.removeQueries({ queryKey: ['segment', environment.id, segment.id] });
    await cache.invalidateQueries({ queryKey: ['segments', environment.id] });
  };
  return (
    <ConfirmByName
      title={`Delete ${segment.name}?`}
      name={segment.name}
      action="Delete the segment"
      run={run}
      onClose={onClose}
    >
      <p>
        The {segment.kind === 'rule' ? 'rule' : 'list'} goes; users and companies stay as they are. It is
        refused as long as another segment or a saved report asks for it.
      </p>
    </ConfirmByName>
  );
}

const USUAL = { user: ['email', 'plan'], company: ['name', 'plan'] } as const;
const LAST_SEEN: Column<ListedMember> = {
  name: 'last_seen',
  title: 'Last seen',
  width: 120,
  onSmall: true,
  cell: ({ last_seen_at }) => <Time at={last_seen_at} className="text-muted" />,
};

function Members({
  segment,
  search,
  asOf,
  onSearch,
}: {
  segment: Segment;
  search: SegmentSearch;
  asOf: string | undefined;
  onSearch: (change: SegmentSearch) => void;
}) {
  const environment = useEnvironment();
  const navigate = useNavigate();
  const seesAll = useMay('analyst');
  const properties = useQuery(propertiesQuery(environment.id, segment.level));
  const offered = useMemo(
    () => (properties.data?.data ?? []).filter(({ pii }) => seesAll || !pii).map(({ name }) => name),
    [properties.data, seesAll],
  );
  const usual = USUAL[segment.level].filter((name) => offered.includes(name));
  const chosen = search.columns?.split(',').filter(Boolean) ?? usual;
  const sort = search.sort ?? 'last_seen';
  const question: MembersQuestion = { sort, columns: chosen, asOf };
  const list = useInfiniteQuery({
    ...membersQuery(environment.id, segment.id, question),
    // Which columns are usual depends on which there are.
    enabled: !properties.isPending,
  });
  const pages = list.data?.pages;
  const rows = useMemo(() => new Rows((pages ?? []).map(({ items }) => items)), [pages]);
  const total = pages?.at(-1)?.total;
  const columnKey = chosen.join(',');
  const columns = useMemo(
    () => membersColumns(segment, columnKey === '' ? [] : columnKey.split(','), asOf),
    [segment, columnKey, asOf],
  );
  const downloading = useMutation({
    mutationFn: async () => save(await membersFile(environment.id, segment, question)),
  });
  useKeys({ r: () => void list.refetch() });
  const what =
    segment.level === 'user' ? (['person', 'people'] as const) : (['company', 'companies'] as const);
  return (
    <section aria-label="Members" className="mb-10">
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <h2
          className={classNames(
            'text-[15px] leading-6 font-semibold transition-opacity delay-300',
            list.isPlaceholderData && 'opacity-60',
          )}
          aria-live="polite"
        >
          {total === undefined
            ? 'Members'
            : `${countOf(total, what[0], what[1])}${asOf === undefined ? '' : ' then'}`}
        </h2>
        <div className="flex flex-wrap items-center gap-2">
          <select
            aria-label="Order"
            value={sort}
            onChange={({ target }) => onSearch({ sort: target.value === 'id' ? 'id' : undefined })}
            className={`${INPUT} !w-auto`}
          >
            <option value="last_seen">Last seen first</option>
            <option value="id">By id</option>
          </select>
          <div className="max-sm:hidden">
            <ColumnMenu
              fixed={[]}
              properties={offered}
              shown={chosen.map((name) => `p.${name}`)}
              onChange={(names) =>
                onSearch({ columns: names.map((name) => name.replace(/^p\./, '')).join(',') })
              }
              onReset={() => onSearch({ columns: undefined })}
            />
          </div>
          <Button onClick={() => downloading.mutate()} busy={downloading.isPending}>
            Download as CSV
          </Button>
        </div>
      </div>
      {[list.error, downloading.error].map(
        (cause, index) =>
          cause && (
            <div key={index} className="pb-3">
              <Failure
                cause={cause}
                title="The members could not be read"
                retry={index === 0 ? () => void list.refetch() : undefined}
              />
            </div>
          ),
      )}
      {list.isPending && <Skeleton lines={6} />}
      {list.isSuccess && rows.length === 0 && (
        <p className="border-t border-line py-6 text-muted">
          {segment.kind !== 'rule'
            ? 'Nobody on the list is known yet.'
            : asOf === undefined
              ? 'Nobody matches the rule now. Whoever does later stands here at once.'
              : 'Nobody matched the rule then.'}
        </p>
      )}
      {rows.length > 0 && (
        <DataTable
          label={`Members of ${segment.name}`}
          embedded
          columns={columns}
          rows={rows}
          idOf={({ id }) => id}
          selected={search.row}
          onSelect={(row) => onSearch({ row })}
          onOpen={(id) =>
            void navigate({
              to: segment.level === 'user' ? '/users/$id' : '/companies/$id',
              params: { id },
              search: segment.level === 'user' ? { as_of: asOf } : {},
            })
          }
          hasMore={list.hasNextPage}
          isFetching={list.isFetchingNextPage}
          isStale={list.isPlaceholderData}
          onMore={() => void list.fetchNextPage()}
          end={
            rows.length >= MEMBERS_MAX ? (
              <p className="py-4 text-muted">These are the first {count(MEMBERS_MAX)}; the file has all.</p>
            ) : null
          }
        />
      )}
    </section>
  );
}

function membersColumns(segment: Segment, names: string[], asOf: string | undefined): Column<ListedMember>[] {
  const id: Column<ListedMember> = {
    name: 'id',
    title: segment.level === 'user' ? 'User' : 'Company',
    width: 150,
    onSmall: true,
    cell: (member) => (
      <Link
        to={segment.level === 'user' ? '/users/$id' : '/companies/$id'}
        params={{ id: member.id }}
        search={segment.level === 'user' ? { as_of: asOf } : {}}
        className="font-medium hover:text-accent"
        title={member.id}
      >
        {member.id}
      </Link>
    ),
  };
  const why: Column<ListedMember> = {
    name: 'why',
    title: 'Why',
    width: 64,
    cell: (member) => (
      <Link
        to="/segments/$id"
        params={{ id: String(segment.id) }}
        search={(before) => ({ ...before, explain: member.id })}
        resetScroll={false}
        className="link"
        aria-label={`Why ${member.id} ${asOf === undefined ? 'is' : 'was'} in`}
      >
        why?
      </Link>
    ),
  };
  const properties = names.map(
    (name): Column<ListedMember> => ({
      name: `p.${name}`,
      title: name,
      width: name === 'email' ? 180 : 110,
      cell: ({ properties }) => <ValueCell value={(properties as Record<string, unknown>)[name]} />,
    }),
  );
  return [id, ...properties, LAST_SEEN, why];
}
