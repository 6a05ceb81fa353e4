import { Link } from '@tanstack/react-router';

/** Saved questions, and lists of them that are looked at together. */
export function ReportTabs() {
  return (
    <nav aria-label="Reports" className="mb-4 flex shrink-0 gap-5 border-b border-line px-4 sm:px-6">
      {(
        [
          ['/reports', 'Reports'],
          ['/dashboards', 'Dashboards'],
        ] as const
      ).map(([to, title]) => (
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
