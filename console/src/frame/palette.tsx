import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { eventNamesQuery } from '../api/history.ts';
import { foundQuery } from '../api/profiles.ts';
import { reportsQuery } from '../api/reports.ts';
import { segmentsQuery } from '../api/segments.ts';
import { kindNamed, kindValue } from '../history-search.ts';
import { eventTitle } from '../text/history.ts';
import { viewerTimeZone } from '../text/time.ts';
import { firstText } from '../text/value.ts';
import { chooseTheme } from '../theme.ts';
import { classNames } from '../ui/class-names.ts';
import { Dialog } from '../ui/dialog.tsx';
import {
  CompaniesIcon,
  EventsIcon,
  JobsIcon,
  ReportsIcon,
  SearchIcon,
  SegmentsIcon,
  UsersIcon,
} from '../ui/icons.tsx';
import { useSettled } from '../ui/settled.ts';
import { PLACES } from './frame.tsx';
import { useEnvironment, useMay, useSession } from './session.ts';

interface Entry {
  id: string;
  group: string;
  title: string;
  more?: string;
  icon?: typeof UsersIcon;
  run: () => void;
}

/** As many events as are worth reading through. */
const EVENTS_FOUND_MAX = 6;

/** Finds people, companies, segments, events, reports, pages and actions. */
export default function Palette({ onClose, onKeys }: { onClose: () => void; onKeys: () => void }) {
  const [typed, setTyped] = useState('');
  const [chosen, setChosen] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const listId = useId();
  const { entries, isSearching } = useEntries(typed, onKeys);
  const at = Math.min(chosen, Math.max(entries.length - 1, 0));
  const run = (entry: Entry | undefined) => {
    if (entry === undefined) return;
    onClose();
    entry.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setChosen((at + step + entries.length) % Math.max(entries.length, 1));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      run(entries[at]);
    }
  };
  useEffect(() => {
    list.current?.querySelector(`[data-at="${at}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  return (
    <Dialog title="Search" onClose={onClose} bare>
      <div className="flex items-center gap-2.5 border-b border-line px-4 text-muted">
        <SearchIcon />
        <input
          autoFocus
          role="combobox"
          aria-expanded="true"
          aria-controls={listId}
          aria-activedescendant={entries.length > 0 ? `${listId}-${at}` : undefined}
          aria-label="Search users, companies, events, pages and actions"
          placeholder="Find a user, a company, an event, a page, an action"
          className="h-12 min-w-0 flex-1 bg-transparent text-[15px] text-ink outline-none"
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            setChosen(0);
          }}
          onKeyDown={onKeyDown}
          autoComplete="off"
          spellCheck={false}
        />
      </div>
      <div
        ref={list}
        id={listId}
        role="listbox"
        aria-label="Found"
        tabIndex={-1}
        className="scroll-thin max-h-[52vh] overflow-y-auto p-1.5"
      >
        {entries.map((entry, index) => (
          <div key={entry.id} role="presentation">
            {entry.group !== entries[index - 1]?.group && (
              <p role="presentation" className="px-2.5 pt-2 pb-1 text-small text-muted">
                {entry.group}
              </p>
            )}
            <div
              id={`${listId}-${index}`}
              data-at={index}
              role="option"
              aria-selected={index === at}
              tabIndex={-1}
              onPointerMove={() => setChosen(index)}
              onClick={() => run(entry)}
              onKeyDown={onKeyDown}
              className={classNames(
                'flex min-h-9 cursor-pointer items-center gap-2.5 rounded-md px-2.5 py-1',
                index === at && 'bg-hover',
              )}
            >
              {entry.icon && (
                <span className="text-muted">
                  <entry.icon />
                </span>
              )}
              <span className="min-w-0 truncate">{entry.title}</span>
              {entry.more && <span className="min-w-0 truncate text-data text-muted">{entry.more}</span>}
            </div>
          </div>
        ))}
        {entries.length === 0 && (
          <p className="px-3 py-6 text-center text-muted">
            {isSearching
              ? 'Searching…'
              : `Nothing is called “${typed}”. Search begins at the start of an id, an e-mail or a name.`}
          </p>
        )}
      </div>
    </Dialog>
  );
}

function useEntries(typed: string, onKeys: () => void): { entries: Entry[]; isSearching: boolean } {
  const environment = useEnvironment();
  const settled = useSettled(typed.trim());
  const found = useQuery(foundQuery(environment.id, settled));
  const names = useQuery({
    ...eventNamesQuery(environment.id, viewerTimeZone()),
    enabled: settled !== '',
  });
  const isAsked = settled !== '';
  const segments = useQuery({ ...segmentsQuery(environment.id), enabled: isAsked }).data ?? [];
  const reports = useQuery({ ...reportsQuery(environment.id), enabled: isAsked }).data ?? [];
  const navigate = useNavigate();
  const fixed = useFixedEntries(onKeys);
  const wanted = typed.trim().toLowerCase();
  const matching = fixed.filter(({ title, group }) => `${title} ${group}`.toLowerCase().includes(wanted));
  const people: Entry[] = (settled === '' ? [] : (found.data?.users ?? [])).map((user) => ({
    id: `user ${user.user_id}`,
    group: 'Users',
    title: firstText(user.properties, ['name', 'email']) ?? user.user_id,
    more: user.user_id,
    icon: UsersIcon,
    run: () => void navigate({ to: '/users/$id', params: { id: user.user_id } }),
  }));
  const companies: Entry[] = (settled === '' ? [] : (found.data?.companies ?? [])).map((company) => ({
    id: `company ${company.company_id}`,
    group: 'Companies',
    title: firstText(company.properties, ['name']) ?? company.company_id,
    more: company.company_id,
    icon: CompaniesIcon,
    run: () => void navigate({ to: '/companies/$id', params: { id: company.company_id } }),
  }));
  const events: Entry[] = (wanted === '' ? [] : (names.data?.data ?? []))
    .map((event) => ({ event, title: eventTitle(event.event_type, event.event_name) }))
    .filter(({ title }) => title.toLowerCase().includes(wanted))
    .toSorted((a, b) => b.event.count - a.event.count)
    .slice(0, EVENTS_FOUND_MAX)
    .map(({ event, title }) => ({
      id: `event ${kindValue(kindNamed(event))}`,
      group: 'Events',
      title,
      icon: EventsIcon,
      run: () => void navigate({ to: '/events/event', search: kindNamed(event) }),
    }));
  const isNamed = ({ name }: { name: string }) => wanted !== '' && name.toLowerCase().includes(wanted);
  const kept: Entry[] = [
    ...segments.filter(isNamed).map(({ id, name }) => ({
      id: `segment ${id}`,
      group: 'Segments',
      title: name,
      icon: SegmentsIcon,
      run: () => void navigate({ to: '/segments/$id', params: { id: String(id) }, search: {} }),
    })),
    ...reports.filter(isNamed).map(({ id, name, kind }) => ({
      id: `report ${id}`,
      group: 'Reports',
      title: name,
      icon: ReportsIcon,
      run: () => void navigate({ to: '/reports/$kind', params: { kind }, search: { report: id } }),
    })),
  ];
  return {
    entries: [...people, ...companies, ...kept, ...events, ...matching],
    isSearching: found.isFetching || settled !== typed.trim(),
  };
}

function useFixedEntries(onKeys: () => void): Entry[] {
  const navigate = useNavigate();
  const { environments } = useSession();
  const environment = useEnvironment();
  const isAdmin = useMay('admin');
  const isAnalyst = useMay('analyst');
  const settings = [
    { title: 'Environment settings', to: '/settings', shown: true },
    { title: 'API keys', to: '/settings/keys', shown: isAnalyst },
    { title: 'Personal data', to: '/settings/personal-data', shown: isAdmin },
    { title: 'Content', to: '/settings/content', shown: true },
    { title: 'Team', to: '/settings/team', shown: isAdmin },
    { title: 'Audit', to: '/settings/audit', shown: isAdmin },
    { title: 'Your account', to: '/settings/account', shown: true },
  ] as const;
  return [
    ...PLACES.map(({ to, title, icon }) => ({
      id: to,
      group: 'Pages',
      title,
      icon,
      run: () => void navigate({ to }),
    })),
    ...(
      [
        { title: 'Erasures', to: '/jobs/erasures' },
        { title: 'Exports', to: '/jobs/exports' },
        { title: 'Data sync', to: '/jobs/data-sync' },
      ] as const
    ).map(({ title, to }) => ({
      id: to,
      group: 'Pages',
      title,
      icon: JobsIcon,
      run: () => void navigate({ to }),
    })),
    ...(
      [
        { title: 'Explorer of events', to: '/events/explorer' },
        { title: 'Properties', to: '/events/properties' },
      ] as const
    ).map(({ title, to }) => ({
      id: to,
      group: 'Pages',
      title,
      icon: EventsIcon,
      run: () => void navigate({ to }),
    })),
    ...settings
      .filter(({ shown }) => shown)
      .map(({ to, title }) => ({
        id: `${to} ${title}`,
        group: 'Settings',
        title,
        run: () => void navigate({ to }),
      })),
    ...environments
      .filter(({ id }) => id !== environment.id)
      .map(({ id, name }) => ({
        id: `environment ${id}`,
        group: 'Actions',
        title: `Switch to ${name}`,
        run: () => void navigate({ to: '.', search: { environment: id } as never }),
      })),
    {
      id: 'refused',
      group: 'Actions',
      title: 'Show refused calls',
      run: () => void navigate({ to: '/live', search: { status: 'refused' } }),
    },
    { id: 'light', group: 'Actions', title: 'Light theme', run: () => chooseTheme('light') },
    { id: 'dark', group: 'Actions', title: 'Dark theme', run: () => chooseTheme('dark') },
    { id: 'system', group: 'Actions', title: 'Theme as the system', run: () => chooseTheme('system') },
    { id: 'keys', group: 'Actions', title: 'Show the keyboard’s keys', more: '?', run: onKeys },
  ];
}
