/** The pages that belong together, as a row of links under the title. */
import { Link, type LinkProps, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';

export interface PageTab {
  to: NonNullable<LinkProps['to']>;
  title: string;
}

export function PageTabs({ label, tabs }: { label: string; tabs: readonly PageTab[] }) {
  const nav = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  // Where the row is too long for the window, the open one is in sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path says which one is open
  useEffect(() => {
    nav.current?.querySelector('[aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [path]);
  return (
    <nav
      ref={nav}
      aria-label={label}
      className="scroll-thin mb-4 flex shrink-0 gap-5 overflow-x-auto border-b border-line px-4 sm:px-6"
    >
      {tabs.map(({ to, title }) => (
        <Link
          key={to}
          to={to}
          search={{}}
          activeOptions={{ exact: true, includeSearch: false }}
          className="-mb-px flex h-9 shrink-0 items-center border-b-2 border-transparent text-muted hover:text-ink"
          activeProps={{ className: '!border-accent font-medium !text-ink', 'aria-current': 'page' }}
        >
          {title}
        </Link>
      ))}
    </nav>
  );
}
