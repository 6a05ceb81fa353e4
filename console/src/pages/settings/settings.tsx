import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { Page } from '../../frame/page.tsx';
import { useEnvironment, useMay } from '../../frame/session.ts';

/** One column of short sections. Whose section a role may not see is not offered. */
export function Settings() {
  const environment = useEnvironment();
  const isAdmin = useMay('admin');
  const isAnalyst = useMay('analyst');
  const nav = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  // Where the row is too long for the window, the open one is in sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path says which one is open
  useEffect(() => {
    nav.current?.querySelector('[aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [path]);
  const places = [
    { to: '/settings', title: 'Environment', shown: true },
    { to: '/settings/keys', title: 'API keys', shown: isAnalyst },
    { to: '/settings/personal-data', title: 'Personal data', shown: isAdmin },
    { to: '/settings/team', title: 'Team', shown: isAdmin },
    { to: '/settings/audit', title: 'Audit', shown: isAdmin },
    { to: '/settings/account', title: 'Your account', shown: true },
  ] as const;
  return (
    <Page title="Settings" line={environment.name}>
      <nav
        ref={nav}
        aria-label="Settings"
        className="scroll-thin mb-6 flex gap-5 overflow-x-auto border-b border-line px-4 sm:px-6"
      >
        {places
          .filter(({ shown }) => shown)
          .map(({ to, title }) => (
            <Link
              key={to}
              to={to}
              activeOptions={{ exact: true, includeSearch: false }}
              className="-mb-px flex h-9 shrink-0 items-center border-b-2 border-transparent text-muted hover:text-ink"
              activeProps={{ className: '!border-accent font-medium !text-ink', 'aria-current': 'page' }}
            >
              {title}
            </Link>
          ))}
      </nav>
      <div className="max-w-[840px] px-4 sm:px-6">
        <Outlet />
      </div>
    </Page>
  );
}
