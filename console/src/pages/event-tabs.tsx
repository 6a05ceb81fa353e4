import { Link } from '@tanstack/react-router';

const TABS = [
  { to: '/events', title: 'Catalogue' },
  { to: '/events/explorer', title: 'Explorer' },
  { to: '/events/properties', title: 'Properties' },
] as const;

/** The three ways to look at events. */
export function EventTabs() {
  return (
    <nav
      aria-label="Events"
      className="mb-3 flex shrink-0 gap-5 overflow-x-auto border-b border-line px-4 sm:px-6"
    >
      {TABS.map(({ to, title }) => (
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
