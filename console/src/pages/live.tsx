import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { CallFilter } from '../api/calls.ts';
import { keysQuery } from '../api/settings.ts';
import type { Call } from '../api/types.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment, useMay } from '../frame/session.ts';
import { useKeys } from '../keyboard/keys.ts';
import type { LiveState } from '../live-feed.ts';
import type { LiveSearch } from '../router.tsx';
import { count, countOf, duration, rate } from '../text/number.ts';
import { clock, inFull } from '../text/time.ts';
import { Button } from '../ui/button.tsx';
import { classNames } from '../ui/class-names.ts';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { PauseIcon, PlayIcon } from '../ui/icons.tsx';
import { useIsSmall, useIsWide } from '../ui/media.ts';
import { State, Status } from '../ui/status.tsx';
import { useLive } from '../use-live.ts';
import { CallDetail } from './call-detail.tsx';
import { LiveFilters } from './live-filters.tsx';

export function Live() {
  const environment = useEnvironment();
  const search = useSearch({ from: '/frame/live' });
  const navigate = useNavigate({ from: '/live' });
  const { call: opened, status, key, path, subject, event } = search;
  const filter: CallFilter = { status, key, path, subject, event };
  const live = useLive(environment.id, filter);
  const [held, setHeld] = useState<readonly Call[] | null>(null);
  const isWide = useIsWide();
  const change = useCallback(
    (change: Partial<LiveSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const open = useCallback(
    (call: number | undefined) =>
      void navigate({ search: (before) => ({ ...before, call }), replace: opened !== undefined }),
    [navigate, opened],
  );
  const shown = held ?? live.calls;
  const pause = () => setHeld(held === null ? live.calls : null);
  const waiting = held === null ? 0 : countNewer(live.calls, held[0]?.sequence ?? 0);
  const moveTo = (step: number) => {
    const at = shown.findIndex(({ sequence }) => sequence === opened);
    const next = shown[at < 0 ? 0 : Math.min(Math.max(at + step, 0), shown.length - 1)];
    if (next) open(next.sequence);
  };
  useKeys({
    p: pause,
    j: () => moveTo(1),
    k: () => moveTo(-1),
    ArrowDown: () => moveTo(1),
    ArrowUp: () => moveTo(-1),
    Escape: () => opened !== undefined && open(undefined),
  });
  const showsList = opened === undefined || isWide;
  return (
    <Page
      title="Live"
      fill
      line={<RateLine live={live} isPaused={held !== null} />}
      actions={
        <Button onClick={pause} aria-pressed={held !== null} aria-keyshortcuts="p">
          {held === null ? <PauseIcon size={14} /> : <PlayIcon size={14} />}
          {held === null ? 'Pause' : waiting > 0 ? `Go on, ${count(waiting)} new` : 'Go on'}
        </Button>
      }
    >
      {showsList && <LiveFilters filter={filter} onChange={change} />}
      {live.failure !== null && (
        <div className="px-4 pb-3 sm:px-6">
          <Failure cause={live.failure} title="The recorded calls could not be read" />
        </div>
      )}
      <div className="flex min-h-0 flex-1 border-t border-line">
        {showsList && (
          <CallList
            calls={shown}
            isReady={live.isReady}
            opened={opened}
            onOpen={open}
            isFiltered={Object.values(filter).some((value) => value !== undefined)}
            onClear={() =>
              change({
                status: undefined,
                key: undefined,
                path: undefined,
                subject: undefined,
                event: undefined,
              })
            }
            narrow={isWide && opened !== undefined}
          />
        )}
        {opened !== undefined && (
          <section
            aria-label="Opened call"
            className={classNames(
              'scroll-thin min-h-0 overflow-y-auto border-line',
              isWide ? 'w-[min(52%,620px)] border-l' : 'w-full',
            )}
          >
            <CallDetail
              key={opened}
              sequence={opened}
              known={live.calls.find(({ sequence }) => sequence === opened)}
              onClose={() => open(undefined)}
            />
          </section>
        )}
      </div>
    </Page>
  );
}

function countNewer(calls: readonly Call[], than: number): number {
  const at = calls.findIndex(({ sequence }) => sequence <= than);
  return at < 0 ? calls.length : at;
}

function RateLine({ live, isPaused }: { live: LiveState; isPaused: boolean }) {
  const last = live.rates.at(-1);
  return (
    <span className="flex flex-wrap items-center gap-x-3">
      {live.connection === 'lost' ? (
        <State tone="bad">The connection was lost; trying again</State>
      ) : isPaused ? (
        <State tone="warn">Paused; calls go on arriving</State>
      ) : (
        <State tone={live.connection === 'open' ? 'good' : 'muted'}>
          {live.connection === 'open' ? 'Every call as it arrives' : 'Connecting'}
        </State>
      )}
      {last && (
        <span>
          {rate(last.accepted_per_s)} accepted/s
          {last.refused_per_s > 0 && (
            <span className="text-bad"> · {rate(last.refused_per_s)} refused/s</span>
          )}
        </span>
      )}
      {live.skipped > 0 && (
        <span title="More calls came than are kept or could be sent here. They were answered and counted as always.">
          {countOf(live.skipped, 'call')} not shown
        </span>
      )}
    </span>
  );
}

const ROW_PX = 36;
const ROW_PX_SMALL = 54;
/** Within this distance of its top the list follows what arrives. */
const TOP_PX = 4;

interface ListProps {
  calls: readonly Call[];
  isReady: boolean;
  opened: number | undefined;
  onOpen: (sequence: number) => void;
  isFiltered: boolean;
  onClear: () => void;
  /** Something is opened beside it. */
  narrow: boolean;
}

function CallList({ calls: arriving, isReady, opened, onOpen, isFiltered, onClear, narrow }: ListProps) {
  const isSmall = useIsSmall();
  const scroller = useRef<HTMLDivElement>(null);
  const [anchored, setAnchored] = useState<readonly Call[] | null>(null);
  const calls = anchored ?? arriving;
  const waiting = anchored === null ? 0 : countNewer(arriving, anchored[0]?.sequence ?? 0);
  const rowHeight = isSmall ? ROW_PX_SMALL : ROW_PX;
  const virtualizer = useVirtualizer({
    count: calls.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 10,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: sizes change only with the width of the window
  useEffect(() => virtualizer.measure(), [rowHeight]);
  const toTop = () => {
    setAnchored(null);
    scroller.current?.scrollTo({ top: 0 });
  };
  // Another filter is another list.
  const isEmpty = arriving.length === 0;
  useEffect(() => {
    if (isEmpty) setAnchored(null);
  }, [isEmpty]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when another call is opened
  useEffect(() => {
    const at = calls.findIndex(({ sequence }) => sequence === opened);
    if (at >= 0) virtualizer.scrollToIndex(at);
  }, [opened]);
  if (!isReady) return <Skeleton lines={6} className="w-full px-4 sm:px-6" />;
  if (calls.length === 0) return <NoCalls isFiltered={isFiltered} onClear={onClear} />;
  return (
    <div className="relative flex min-h-0 min-w-0 flex-1 flex-col">
      {waiting > 0 && (
        <Button
          look="primary"
          small
          className="slide-in absolute top-2 left-1/2 z-20 -translate-x-1/2 shadow-float"
          onClick={toTop}
        >
          {count(waiting)} new
        </Button>
      )}
      <div
        ref={scroller}
        tabIndex={0}
        role="region"
        aria-label="Calls"
        className="scroll-thin min-h-0 flex-1 overflow-y-auto"
        onScroll={({ currentTarget }) => {
          const isAtTop = currentTarget.scrollTop <= TOP_PX;
          setAnchored((now) => (isAtTop ? null : (now ?? arriving)));
        }}
      >
        <ol className="relative" style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map(({ index, start }) => {
            const call = calls[index];
            return (
              call && (
                <li
                  key={call.sequence}
                  className="absolute inset-x-0 top-0"
                  style={{ height: rowHeight, transform: `translateY(${start}px)` }}
                >
                  <CallRow
                    call={call}
                    isOpened={call.sequence === opened}
                    onOpen={onOpen}
                    form={isSmall ? 'two-lines' : narrow ? 'narrow' : 'wide'}
                  />
                </li>
              )
            );
          })}
        </ol>
      </div>
    </div>
  );
}

/** What a call was about, in the fewest words. */
export function subjectOf(call: Call): string {
  return call.subject?.id ?? '';
}

interface RowProps {
  call: Call;
  isOpened: boolean;
  onOpen: (sequence: number) => void;
  form: 'wide' | 'narrow' | 'two-lines';
}

const CallRow = memo(function CallRow({ call, isOpened, onOpen, form }: RowProps) {
  const at = Date.parse(call.at);
  const reason = call.errors[0]?.message.replaceAll('`', '');
  const time = (
    <time dateTime={call.at} title={inFull(at)} className="mono shrink-0 text-muted">
      {form === 'wide' ? clock(at) : clock(at).slice(0, 8)}
    </time>
  );
  const what = (
    <span className="mono min-w-0 shrink-0 truncate" title={call.path}>
      <span className="text-muted">{call.method}</span> {call.path}
    </span>
  );
  const about = (
    <span className={classNames('min-w-0 flex-1 truncate', reason && 'text-bad')} title={reason}>
      {call.event_name && <span className="font-medium">{call.event_name} </span>}
      {reason ?? <span className={call.event_name ? 'text-muted' : ''}>{subjectOf(call)}</span>}
      {call.warnings.length > 0 && !reason && (
        <span className="text-warn"> · {countOf(call.warnings.length, 'warning')}</span>
      )}
    </span>
  );
  return (
    <button
      type="button"
      onClick={() => onOpen(call.sequence)}
      aria-current={isOpened || undefined}
      data-sequence={call.sequence}
      className={classNames(
        'flex h-full w-full items-center border-b border-line px-4 text-left text-data hover:bg-hover sm:px-6',
        isOpened && 'bg-accent-wash shadow-[inset_2px_0_0_var(--accent)]',
        form === 'two-lines' ? 'flex-col !items-stretch justify-center' : 'gap-3',
      )}
    >
      {form === 'two-lines' ? (
        <>
          <span className="flex min-w-0 items-center gap-2">
            <Status status={call.status} />
            {what}
            <span className="ml-auto" />
            {time}
          </span>
          <span className="flex min-w-0">{about}</span>
        </>
      ) : (
        <>
          {time}
          <Status status={call.status} />
          <span className={classNames('flex min-w-0', form === 'wide' ? 'w-[220px] shrink-0' : 'shrink-0')}>
            {what}
          </span>
          {about}
          {form === 'wide' && (
            <>
              <span className="w-[130px] shrink-0 truncate text-muted" title={call.key?.name}>
                {call.key?.name ?? 'no such key'}
              </span>
              <span className="figures w-[64px] shrink-0 text-right text-muted">
                {duration(call.duration_us)}
              </span>
            </>
          )}
        </>
      )}
    </button>
  );
});

function NoCalls({ isFiltered, onClear }: { isFiltered: boolean; onClear: () => void }) {
  if (isFiltered) {
    return (
      <div className="w-full">
        <Empty
          title="None of the newest calls is like that"
          action={<Button onClick={onClear}>Show all calls</Button>}
        >
          Only the newest calls are kept. A matching one appears here the moment it arrives.
        </Empty>
      </div>
    );
  }
  return (
    <div className="w-full">
      <Empty title="Waiting for the first call">
        Every call shows up here as it arrives, accepted or refused. Home has snippets to send one with.
      </Empty>
    </div>
  );
}

/** The names of the keys, for those who may see them. */
export function useKeyNames(): { id: number; name: string }[] {
  const environment = useEnvironment();
  const may = useMay('analyst');
  const keys = useQuery({ ...keysQuery(environment.id), enabled: may });
  return useMemo(() => keys.data?.data.map(({ id, name }) => ({ id, name })) ?? [], [keys.data]);
}
