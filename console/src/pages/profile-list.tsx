/** What the lists of users and of companies share: search, columns, selection, all of it in the address. */
import { type useInfiniteQuery as UseInfiniteQuery, useInfiniteQuery } from '@tanstack/react-query';
import { type ReactNode, useCallback, useMemo } from 'react';
import { ROWS_MAX } from '../api/profiles.ts';
import { useKeys } from '../keyboard/keys.ts';
import type { ListSearch } from '../router.tsx';
import { count } from '../text/number.ts';
import { classNames } from '../ui/class-names.ts';
import { ColumnMenu } from '../ui/column-menu.tsx';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { NothingFound, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Rows } from '../ui/rows.ts';
import { SearchBox } from '../ui/search-box.tsx';
import { ValueCell } from '../ui/value.tsx';

interface Profile {
  properties: Record<string, unknown>;
}

interface Props<Row extends Profile> {
  label: string;
  searchLabel: string;
  // biome-ignore lint/suspicious/noExplicitAny: the options' type depends on all of their callbacks
  query: any;
  search: ListSearch;
  onSearch: (change: Partial<ListSearch>) => void;
  first: Column<Row>;
  /** Columns that are no properties. */
  known: Column<Row>[];
  /** Names shown when the address names none. */
  usual: string[];
  /** Properties that the first column shows already. */
  said: string[];
  idOf: (row: Row) => string;
  onOpen: (id: string) => void;
  empty: ReactNode;
  embedded?: boolean;
  /** Chooses who is shown at all. */
  filter?: ReactNode;
  /** Takes away what a filter in the address leaves out; absent where there is none. */
  onUnfiltered?: () => void;
}

const SAMPLE_ROWS = 200;
const PROPERTIES_OFFERED_MAX = 40;

export function ProfileList<Row extends Profile>(props: Props<Row>) {
  const { search, onSearch, known, first, usual, idOf } = props;
  const list = useInfiniteQuery(props.query) as ReturnType<typeof UseInfiniteQuery<{ data: Row[] }, Error>>;
  const pages = (list.data as { pages: { data: Row[] }[] } | undefined)?.pages;
  const rows = useMemo(() => new Rows((pages ?? []).map((page) => page.data)), [pages]);
  const properties = useMemo(() => namesIn(rows.first(SAMPLE_ROWS), props.said), [rows, props.said]);
  const shown = search.columns === undefined ? usual : search.columns.split(',').filter(Boolean);
  const columnKey = shown.join(',');
  const numeric = useMemo(() => numericIn(rows.first(SAMPLE_ROWS)), [rows]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `columnKey` stands for `shown`
  const columns = useMemo(
    () => [first, ...shown.flatMap((name) => columnNamed<Row>(name, known, numeric))],
    [columnKey, first, known, numeric],
  );
  const setText = useCallback((q: string) => onSearch({ q: q || undefined, row: undefined }), [onSearch]);
  const fetchNext = list.fetchNextPage;
  const more = useCallback(() => void fetchNext(), [fetchNext]);
  useKeys({ r: () => void list.refetch() });

  const isNone = rows.length === 0 && list.isSuccess && !list.hasNextPage;
  return (
    <div className={classNames('flex flex-col', !props.embedded && 'min-h-0 flex-1')}>
      <div
        className={classNames('flex flex-wrap items-center gap-2 pb-3', !props.embedded && 'px-4 sm:px-6')}
      >
        {/* A filter can ask for ids and names as well: the server takes one or the other. */}
        {!props.onUnfiltered && (
          <SearchBox
            label={props.searchLabel}
            value={search.q ?? ''}
            onSearch={setText}
            className="min-w-0 max-w-[360px] flex-1"
          />
        )}
        {props.filter}
        <div className="max-sm:hidden">
          <ColumnMenu
            fixed={known}
            properties={properties}
            shown={shown}
            onChange={(names) => onSearch({ columns: names.join(',') })}
            onReset={() => onSearch({ columns: undefined })}
          />
        </div>
      </div>
      {list.error && (
        <div className="px-4 pb-3 sm:px-6">
          <Failure cause={list.error} title="The list could not be read" retry={() => void list.refetch()} />
        </div>
      )}
      {list.isPending && (
        <div className="px-4 sm:px-6">
          <Skeleton lines={8} />
        </div>
      )}
      {isNone &&
        (props.onUnfiltered ? (
          <NothingFound title="Nobody is like that" onClear={props.onUnfiltered}>
            Values count exactly as they were sent, and a number is compared only with numbers.
          </NothingFound>
        ) : search.q ? (
          <NothingFound title={`Nothing begins with “${search.q}”`} onClear={() => setText('')}>
            Names and e-mails are found by their beginning in any case, ids by their beginning exactly as they
            were sent.
          </NothingFound>
        ) : (
          props.empty
        ))}
      {rows.length > 0 && (
        <DataTable
          label={props.label}
          embedded={props.embedded}
          columns={columns}
          rows={rows}
          idOf={idOf}
          selected={search.row}
          onSelect={(row) => onSearch({ row })}
          onOpen={props.onOpen}
          hasMore={list.hasNextPage}
          isFetching={list.isFetchingNextPage}
          isStale={list.isPlaceholderData}
          onMore={more}
          end={
            rows.length >= ROWS_MAX ? (
              <p className="px-6 py-4 text-muted">
                These are the first {count(ROWS_MAX)}. Search by id, e-mail or name to find the others.
              </p>
            ) : null
          }
        />
      )}
    </div>
  );
}

/** The names of the rows' properties, the most frequent first. */
export function namesIn(rows: Profile[], without: string[]): string[] {
  const counts = new Map<string, number>();
  for (const { properties } of rows) {
    for (const name of Object.keys(properties)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const name of without) counts.delete(name);
  return [...counts]
    .toSorted(([a, aCount], [b, bCount]) => bCount - aCount || a.localeCompare(b))
    .slice(0, PROPERTIES_OFFERED_MAX)
    .map(([name]) => name);
}

/** The names of properties whose every value among the rows is a number. */
export function numericIn(rows: Profile[]): ReadonlySet<string> {
  const numeric = new Set<string>();
  const other = new Set<string>();
  for (const { properties } of rows) {
    for (const [name, value] of Object.entries(properties))
      (typeof value === 'number' ? numeric : other).add(name);
  }
  return new Set([...numeric].filter((name) => !other.has(name)));
}

function columnNamed<Row extends Profile>(
  name: string,
  known: Column<Row>[],
  numeric: ReadonlySet<string>,
): Column<Row>[] {
  const found = known.find((column) => column.name === name);
  if (found) return [found];
  if (!name.startsWith('p.')) return [];
  const property = name.slice(2);
  return [
    {
      name,
      title: property,
      width: numeric.has(property) ? 100 : 140,
      align: numeric.has(property) ? 'right' : undefined,
      cell: (row) => <ValueCell value={row.properties[property]} />,
    },
  ];
}
