/**
 * A table of any length. Only the rows in sight exist; the next page is asked for before its rows come into sight. It
 * neither sorts nor filters: the server does both.
 */
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, type ReactNode, useEffect, useRef } from 'react';
import { useKeys } from '../keyboard/keys.ts';
import { classNames } from './class-names.ts';
import { useIsSmall } from './media.ts';
import type { Rows } from './rows.ts';

export interface Column<Row> {
  name: string;
  title: string;
  /** In pixels; the first column takes what is left. */
  width: number;
  align?: 'right';
  cell: (row: Row) => ReactNode;
  /** Shown where there is room for two columns only. */
  onSmall?: boolean;
}

interface Props<Row> {
  label: string;
  columns: Column<Row>[];
  rows: Rows<Row>;
  idOf: (row: Row) => string;
  selected: string | undefined;
  onSelect: (id: string) => void;
  onOpen: (id: string) => void;
  /** Where the server gives pages: whether there is another one, and what asks for it. */
  hasMore?: boolean;
  isFetching?: boolean;
  onMore?: () => void;
  isStale?: boolean;
  /** A part of a page: as high as its rows, up to a limit, and no padding of its own. */
  embedded?: boolean;
  /** What stands below the last row. */
  end?: ReactNode;
}

const ROW_PX = 36;
const ROW_PX_SMALL = 54;
const ROWS_AHEAD = 60;

export function DataTable<Row>(props: Props<Row>) {
  const { columns, rows, idOf, selected, onSelect, onOpen, hasMore = false, isFetching, onMore } = props;
  const isSmall = useIsSmall();
  const scroller = useRef<HTMLDivElement>(null);
  const rowHeight = isSmall ? ROW_PX_SMALL : ROW_PX;
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  });
  const items = virtualizer.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !isFetching && last >= rows.length - ROWS_AHEAD) onMore?.();
  }, [hasMore, isFetching, last, rows.length, onMore]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: sizes change only with the width of the window
  useEffect(() => virtualizer.measure(), [isSmall]);

  const move = (step: number) => {
    const at = selected === undefined ? -1 : rows.findIndex((row) => idOf(row) === selected);
    const next =
      at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1);
    const row = rows.at(next);
    if (row === undefined) return;
    onSelect(idOf(row));
    virtualizer.scrollToIndex(next);
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: () => selected !== undefined && onOpen(selected),
  });
  // Back from what was opened: the selected row is in sight again.
  const mounted = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the first rows are there
  useEffect(() => {
    if (mounted.current || rows.length === 0) return;
    mounted.current = true;
    const at = selected === undefined ? -1 : rows.findIndex((row) => idOf(row) === selected);
    if (at > 15) virtualizer.scrollToIndex(at, { align: 'center' });
  }, [rows.length]);

  const shown = isSmall ? columns.filter(({ onSmall }) => onSmall) : columns;
  const width = shown.reduce((sum, column) => sum + column.width, 0);
  const above = items[0]?.start ?? 0;
  const below = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <div
      ref={scroller}
      tabIndex={0}
      role="region"
      aria-label={props.label}
      className={classNames(
        'scroll-thin overflow-auto border-t border-line',
        props.embedded ? 'max-h-[min(70vh,560px)]' : 'min-h-0 flex-1',
      )}
    >
      <table
        className={classNames(
          'w-full table-fixed border-collapse text-data transition-opacity delay-300',
          props.isStale && 'opacity-60',
        )}
        style={{ minWidth: isSmall ? undefined : width }}
        aria-rowcount={hasMore ? -1 : rows.length + 1}
      >
        <colgroup>
          {shown.map((column, index) => (
            <col key={column.name} style={index === 0 ? undefined : { width: column.width }} />
          ))}
        </colgroup>
        <thead className="sticky top-0 z-10 bg-ground">
          <tr aria-rowindex={1}>
            {shown.map((column) => (
              <th
                key={column.name}
                scope="col"
                className={classNames(
                  'h-8 truncate border-b border-line px-2 font-medium text-muted',
                  edges(props.embedded),
                  column.align === 'right' ? 'pr-6 text-right' : 'text-left',
                )}
              >
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <tr aria-hidden="true" style={{ height: above }} />}
          {items.map(({ index }) => {
            const row = rows.at(index);
            if (row === undefined) return null;
            const id = idOf(row);
            return (
              <TableRow
                key={id}
                id={id}
                row={row}
                index={index}
                columns={shown as Column<unknown>[]}
                height={rowHeight}
                isSelected={id === selected}
                isEmbedded={props.embedded}
                onOpen={onOpen}
              />
            );
          })}
          {below > 0 && <tr aria-hidden="true" style={{ height: below }} />}
        </tbody>
      </table>
      {props.end}
    </div>
  );
}

/** The table runs to the edges of the page, its text keeps to the page's padding; in a part of one, clear of the selected row. */
function edges(isEmbedded: boolean | undefined): string {
  return isEmbedded ? '' : 'first:pl-4 last:pr-4 sm:first:pl-6 sm:last:pr-6';
}

interface RowProps {
  id: string;
  row: unknown;
  index: number;
  columns: Column<unknown>[];
  height: number;
  isSelected: boolean;
  isEmbedded: boolean | undefined;
  onOpen: (id: string) => void;
}

const TableRow = memo(function TableRow({
  id,
  row,
  index,
  columns,
  height,
  isSelected,
  isEmbedded,
  onOpen,
}: RowProps) {
  return (
    // The first cell's link does the same for the keyboard and for screen readers.
    <tr
      aria-rowindex={index + 2}
      aria-selected={isSelected || undefined}
      style={{ height }}
      onClick={(event) => {
        if (event.target instanceof Element && event.target.closest('a, button') === null) onOpen(id);
      }}
      className={classNames(
        'cursor-pointer border-b border-line hover:bg-hover',
        isSelected && 'bg-accent-wash shadow-[inset_2px_0_0_var(--accent)]',
      )}
    >
      {columns.map((column) => (
        <td
          key={column.name}
          className={classNames(
            'overflow-hidden px-2 text-ellipsis whitespace-nowrap',
            edges(isEmbedded),
            column.align === 'right' && 'pr-6 text-right',
          )}
        >
          {column.cell(row)}
        </td>
      ))}
    </tr>
  );
});
