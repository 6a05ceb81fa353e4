import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useRouterState, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { isSignedOut } from '../api/refusal.ts';
import { sessionQuery, signOut } from '../api/session.ts';
import { MOD, useKeys } from '../keyboard/keys.ts';
import { queryClient } from '../query-client.ts';
import { chooseTheme, chosenTheme, type Theme } from '../theme.ts';
import { classNames } from '../ui/class-names.ts';
import {
  ChevronIcon,
  CompaniesIcon,
  EventsIcon,
  HomeIcon,
  JobsIcon,
  LiveIcon,
  ReportsIcon,
  SearchIcon,
  SegmentsIcon,
  SettingsIcon,
  UsersIcon,
} from '../ui/icons.tsx';
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuLine } from '../ui/menu.tsx';
import { isProduction, keepEnvironment, useEnvironment, useMay, useSession } from './session.ts';

const Palette = lazy(() => import('./palette.tsx'));
const KeyHelp = lazy(() => import('./key-help.tsx'));

export const PLACES = [
  { to: '/', title: 'Home', key: 'g h', icon: HomeIcon },
  { to: '/live', title: 'Live', key: 'g l', icon: LiveIcon },
  { to: '/users', title: 'Users', key: 'g u', icon: UsersIcon },
  { to: '/companies', title: 'Companies', key: 'g c', icon: CompaniesIcon },
  { to: '/segments', title: 'Segments', key: 'g m', icon: SegmentsIcon },
  { to: '/events', title: 'Events', key: 'g e', icon: EventsIcon },
  { to: '/reports', title: 'Reports', key: 'g r', icon: ReportsIcon },
  { to: '/jobs', title: 'Jobs', key: 'g j', icon: JobsIcon },
  { to: '/settings', title: 'Settings', key: 'g s', icon: SettingsIcon },
] as const;

/** What stands around every page. */
export function Frame() {
  const environment = useEnvironment();
  const navigate = useNavigate();
  const [open, setOpen] = useState<'palette' | 'keys' | null>(null);
  useWatchedSession();
  const main = useFocusedContent();
  useKeys({
    'mod+k': { run: () => setOpen((now) => (now === 'palette' ? null : 'palette')), always: true },
    '?': () => setOpen('keys'),
    'g h': () => void navigate({ to: '/' }),
    'g l': () => void navigate({ to: '/live' }),
    'g u': () => void navigate({ to: '/users' }),
    'g c': () => void navigate({ to: '/companies' }),
    'g m': () => void navigate({ to: '/segments' }),
    'g e': () => void navigate({ to: '/events' }),
    'g r': () => void navigate({ to: '/reports' }),
    'g j': () => void navigate({ to: '/jobs' }),
    'g s': () => void navigate({ to: '/settings' }),
  });
  const edge = isProduction(environment) ? null : 'border-warn';
  return (
    <div
      className={classNames(
        'flex h-full flex-col sm:flex-row',
        edge && `border-t-[3px] sm:border-t-0 sm:border-l-[3px] ${edge}`,
      )}
    >
      <a
        href="#content"
        className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-accent-ink focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the content
      </a>
      <Sidebar onSearch={() => setOpen('palette')} onKeys={() => setOpen('keys')} />
      <main
        ref={main}
        id="content"
        data-scroll-restoration-id="content"
        tabIndex={-1}
        className="min-h-0 min-w-0 flex-1 overflow-y-auto focus:outline-none"
      >
        <Suspense fallback={null}>
          <Outlet />
        </Suspense>
      </main>
      <BottomBar />
      <Suspense fallback={null}>
        {open === 'palette' && <Palette onClose={() => setOpen(null)} onKeys={() => setOpen('keys')} />}
        {open === 'keys' && <KeyHelp onClose={() => setOpen(null)} />}
      </Suspense>
    </div>
  );
}

/** After a change of page the keyboard and the screen reader go on in its content, not in what was left. */
function useFocusedContent() {
  const main = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    main.current?.focus({ preventScroll: true });
  }, [path]);
  return main;
}

/** When the session ends elsewhere, the way leads to the sign-in page and back here. */
function useWatchedSession() {
  const { error } = useQuery(sessionQuery);
  const navigate = useNavigate();
  const address = useRouterState({ select: (state) => state.location.href });
  const latest = useRef(address);
  latest.current = address;
  useEffect(() => {
    if (!isSignedOut(error)) return;
    queryClient.clear();
    void navigate({ to: '/sign-in', search: { to: latest.current } });
  }, [error, navigate]);
}

function Sidebar({ onSearch, onKeys }: { onSearch: () => void; onKeys: () => void }) {
  return (
    <div className="flex shrink-0 items-center gap-1 border-line bg-surface px-2 py-1.5 max-sm:border-b sm:w-[52px] sm:flex-col sm:items-stretch sm:border-r sm:px-1.5 sm:py-3 lg:w-[208px] lg:px-2.5">
      <EnvironmentSwitch />
      <button
        type="button"
        onClick={onSearch}
        title="Search"
        aria-keyshortcuts="Control+K Meta+K"
        className="flex h-8 items-center gap-2 rounded-md px-2 text-data text-muted hover:bg-hover max-sm:order-3 max-sm:ml-auto sm:mt-2 sm:justify-center lg:justify-start lg:border lg:border-line lg:bg-ground"
      >
        <SearchIcon />
        <span className="sr-only flex-1 text-left lg:not-sr-only">Search</span>
        <kbd className="hidden text-small lg:inline">{MOD}K</kbd>
      </button>
      <nav aria-label="Pages" className="mt-3 hidden flex-col gap-0.5 sm:flex">
        {PLACES.map((place) => (
          <NavLink key={place.to} place={place} />
        ))}
      </nav>
      <div className="max-sm:order-4 sm:mt-auto">
        <MemberMenu onKeys={onKeys} />
      </div>
    </div>
  );
}

function NavLink({ place: { to, title, icon: Icon } }: { place: (typeof PLACES)[number] }) {
  return (
    <Link
      to={to}
      activeOptions={{ exact: to === '/', includeSearch: false }}
      title={title}
      className="flex h-8 items-center gap-2.5 rounded-md px-2.5 text-body text-muted hover:bg-hover hover:text-ink"
      activeProps={{ className: 'bg-hover font-medium !text-ink', 'aria-current': 'page' }}
    >
      <Icon />
      <span className="sr-only lg:not-sr-only">{title}</span>
    </Link>
  );
}

function BottomBar() {
  return (
    <nav
      aria-label="Pages"
      className="safe-bottom scroll-thin flex shrink-0 overflow-x-auto border-t border-line bg-surface sm:hidden"
    >
      {PLACES.map(({ to, title, icon: Icon }) => (
        <Link
          key={to}
          to={to}
          activeOptions={{ exact: to === '/', includeSearch: false }}
          className="flex h-[52px] min-w-[64px] flex-1 flex-col items-center justify-center gap-0.5 text-[11px] leading-4 text-muted"
          activeProps={{ className: '!text-accent', 'aria-current': 'page' }}
        >
          <Icon size={18} />
          {title}
        </Link>
      ))}
    </nav>
  );
}

function EnvironmentSwitch() {
  const { environments } = useSession();
  const environment = useEnvironment();
  const navigate = useNavigate();
  const mayMake = useMay('admin');
  const isOther = !isProduction(environment);
  const { environment: named } = useSearch({ strict: false });
  useEffect(() => keepEnvironment(environment.id), [environment.id]);
  // Where there is a choice, the address says which one is shown: a link shows another person the same.
  const isUnnamed = environments.length > 1 && named === undefined;
  useEffect(() => {
    if (!isUnnamed) return;
    void navigate({
      to: '.',
      search: ((before: object) => ({ ...before, environment: environment.id })) as never,
      replace: true,
    });
  }, [isUnnamed, environment.id, navigate]);
  return (
    <Menu
      trigger={
        <button
          type="button"
          title={`Environment: ${environment.name}`}
          className="flex h-9 min-w-0 items-center gap-2 rounded-md px-2 text-left hover:bg-hover lg:h-11"
        >
          <span
            aria-hidden="true"
            className={classNames(
              'flex size-6 shrink-0 items-center justify-center rounded-md text-[12px] font-semibold',
              isOther ? 'bg-warn text-ground' : 'bg-accent text-accent-ink',
            )}
          >
            {environment.name.slice(0, 1).toUpperCase()}
          </span>
          <span className="min-w-0 flex-1 sm:sr-only lg:not-sr-only lg:min-w-0 lg:flex-1">
            <span className="hidden text-data leading-[17px] font-semibold lg:block">Muster</span>
            <span
              className={classNames(
                'block truncate text-data leading-[17px]',
                isOther ? 'font-medium text-warn' : 'text-muted',
              )}
            >
              {environment.name} <span className="sr-only">environment</span>
            </span>
          </span>
          <span className="text-muted sm:hidden lg:block">
            <ChevronIcon size={14} />
          </span>
        </button>
      }
    >
      <MenuLabel>Environments</MenuLabel>
      {environments.map(({ id, name }) => (
        <MenuChoice
          key={id}
          checked={id === environment.id}
          onSelect={() => {
            keepEnvironment(id);
            void navigate({ to: '.', search: { environment: id } as never });
          }}
        >
          {name}
        </MenuChoice>
      ))}
      {mayMake && (
        <>
          <MenuLine />
          <MenuItem onSelect={() => void navigate({ to: '/settings' })}>Environment settings</MenuItem>
        </>
      )}
    </Menu>
  );
}

const THEMES: [Theme, string][] = [
  ['system', 'As the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

function MemberMenu({ onKeys }: { onKeys: () => void }) {
  const { member, version } = useSession();
  const navigate = useNavigate();
  const [theme, setTheme] = useState(chosenTheme);
  const leave = async () => {
    await signOut();
    queryClient.clear();
    await navigate({ to: '/sign-in', search: {} });
  };
  return (
    <Menu
      trigger={
        <button
          type="button"
          title={member.name}
          className="flex h-9 w-full min-w-0 items-center gap-2 rounded-md px-2 text-left hover:bg-hover"
        >
          <span
            aria-hidden="true"
            className="flex size-6 shrink-0 items-center justify-center rounded-full border border-line-strong text-[11px] font-semibold text-muted"
          >
            {member.name.slice(0, 1).toUpperCase()}
          </span>
          <span className="sr-only min-w-0 flex-1 truncate text-data lg:not-sr-only lg:truncate">
            {member.name} <span className="sr-only">your account</span>
          </span>
        </button>
      }
    >
      <MenuLabel>
        {member.email}
        <br />
        {member.role[0]?.toUpperCase()}
        {member.role.slice(1)} · Muster {version}
      </MenuLabel>
      <MenuItem onSelect={() => void navigate({ to: '/settings/account' })}>Your account</MenuItem>
      <MenuItem onSelect={onKeys} hint="?">
        Keyboard
      </MenuItem>
      <MenuLine />
      {THEMES.map(([value, title]) => (
        <MenuChoice
          key={value}
          checked={theme === value}
          onSelect={() => {
            chooseTheme(value);
            setTheme(value);
          }}
        >
          {title}
        </MenuChoice>
      ))}
      <MenuLine />
      <MenuItem onSelect={() => void leave()}>Sign out</MenuItem>
    </Menu>
  );
}
