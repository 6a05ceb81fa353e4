/** Every page and its address. What a page shows is in the address, so that a link shows another person the same. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
  retainSearchParams,
} from '@tanstack/react-router';
import type { CallFilter } from './api/calls.ts';
import { CONTENT_KINDS, type ContentKind } from './api/content.ts';
import { isSignedOut } from './api/refusal.ts';
import { sessionQuery } from './api/session.ts';
import { Frame } from './frame/frame.tsx';
import { Lost, PageFailure } from './frame/lost.tsx';
import {
  type AsOfSearch,
  asOfSearch,
  eventSearch,
  eventsSearch,
  explorerSearch,
  propertiesSearch,
  type TimelineSearch,
  timelineSearch,
} from './history-search.ts';
import { queryClient } from './query-client.ts';
import { reportSearch, reportsSearch } from './report/search.ts';
import { type FilterSearch, filterSearch, newSegmentSearch, segmentSearch } from './rule/search.ts';

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;
const number = (value: unknown): number | undefined => {
  const read = Number(value);
  return value !== '' && value !== null && Number.isSafeInteger(read) ? read : undefined;
};

interface RootSearch {
  environment?: number;
}

const rootRoute = createRootRoute({
  validateSearch: (search: Record<string, unknown>): RootSearch => ({
    environment: number(search.environment),
  }),
  search: { middlewares: [retainSearchParams(['environment'])] },
  component: Outlet,
  notFoundComponent: Lost,
  errorComponent: PageFailure,
});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in',
  validateSearch: (search: Record<string, unknown>): { to?: string } => {
    const to = text(search.to);
    // Only a place in this console: never an address of somebody else.
    return { to: to?.startsWith('/') && !to.startsWith('//') && !to.startsWith('/\\') ? to : undefined };
  },
  component: lazyRouteComponent(() => import('./pages/sign-in.tsx'), 'SignIn'),
});

const welcomeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/welcome',
  component: lazyRouteComponent(() => import('./pages/welcome.tsx'), 'Welcome'),
});

const frameRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'frame',
  beforeLoad: async ({ location }) => {
    try {
      await queryClient.ensureQueryData(sessionQuery);
    } catch (cause) {
      if (!isSignedOut(cause)) throw cause;
      throw redirect({ to: '/sign-in', search: { to: location.href === '/' ? undefined : location.href } });
    }
  },
  component: Frame,
  errorComponent: PageFailure,
});

const homeRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/home.tsx'), 'Home'),
});

export interface LiveSearch extends CallFilter {
  call?: number;
}
const OUTCOMES = ['stored', 'duplicate', 'refused', 'read'] as const;

const liveRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/live',
  validateSearch: (search: Record<string, unknown>): LiveSearch => ({
    status: OUTCOMES.find((outcome) => outcome === search.status),
    key: number(search.key),
    path: text(search.path),
    subject: text(search.subject),
    event: text(search.event),
    call: number(search.call),
  }),
  component: lazyRouteComponent(() => import('./pages/live.tsx'), 'Live'),
});

export interface ListSearch {
  q?: string;
  /** Names of columns with commas between them; the usual ones when absent. */
  columns?: string;
  /** The id of the selected row. */
  row?: string;
}
const listSearch = (search: Record<string, unknown>): ListSearch => ({
  q: text(search.q),
  columns: text(search.columns),
  row: text(search.row),
});
const filteredListSearch = (search: Record<string, unknown>): ListSearch & FilterSearch => ({
  ...listSearch(search),
  ...filterSearch(search),
});

const usersRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/users',
  validateSearch: filteredListSearch,
  component: lazyRouteComponent(() => import('./pages/users.tsx'), 'Users'),
});
export interface DetailSearch {
  /** What the properties are searched for. */
  property?: string;
}
const detailSearch = (search: Record<string, unknown>): DetailSearch => ({ property: text(search.property) });

const userRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/users/$id',
  validateSearch: (search: Record<string, unknown>): DetailSearch & TimelineSearch & AsOfSearch => ({
    ...detailSearch(search),
    ...timelineSearch(search),
    ...asOfSearch(search),
  }),
  component: lazyRouteComponent(() => import('./pages/user.tsx'), 'UserPage'),
});
const companiesRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/companies',
  validateSearch: filteredListSearch,
  component: lazyRouteComponent(() => import('./pages/companies.tsx'), 'Companies'),
});
const companyRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/companies/$id',
  validateSearch: (search: Record<string, unknown>): DetailSearch & ListSearch & TimelineSearch => ({
    ...listSearch(search),
    ...detailSearch(search),
    ...timelineSearch(search),
  }),
  component: lazyRouteComponent(() => import('./pages/company.tsx'), 'CompanyPage'),
});

const segmentsRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/segments',
  validateSearch: (search: Record<string, unknown>): Pick<ListSearch, 'q' | 'row'> => ({
    q: text(search.q),
    row: text(search.row),
  }),
  component: lazyRouteComponent(() => import('./pages/segments/segments.tsx'), 'Segments'),
});
const newSegmentRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/segments/new',
  validateSearch: newSegmentSearch,
  component: lazyRouteComponent(() => import('./pages/segments/segment-edit.tsx'), 'NewSegmentPage'),
});
const segmentRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/segments/$id',
  validateSearch: segmentSearch,
  component: lazyRouteComponent(() => import('./pages/segments/segment.tsx'), 'SegmentPage'),
});
const editSegmentRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/segments/$id/edit',
  component: lazyRouteComponent(() => import('./pages/segments/segment-edit.tsx'), 'EditSegmentPage'),
});

const eventsRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/events',
  validateSearch: eventsSearch,
  component: lazyRouteComponent(() => import('./pages/events.tsx'), 'Events'),
});
// The name stands behind the question mark: it may hold anything, slashes and points too.
const eventRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/events/event',
  validateSearch: eventSearch,
  component: lazyRouteComponent(() => import('./pages/event.tsx'), 'EventPage'),
});
const explorerRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/events/explorer',
  validateSearch: explorerSearch,
  component: lazyRouteComponent(() => import('./pages/explorer.tsx'), 'Explorer'),
});
const propertiesRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/events/properties',
  validateSearch: propertiesSearch,
  component: lazyRouteComponent(() => import('./pages/properties.tsx'), 'PropertyCatalogue'),
});

const reportsRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/reports',
  validateSearch: reportsSearch,
  component: lazyRouteComponent(() => import('./pages/reports/reports.tsx'), 'Reports'),
});
const reportRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/reports/$kind',
  validateSearch: reportSearch,
  component: lazyRouteComponent(() => import('./pages/reports/report.tsx'), 'ReportPage'),
});
const dashboardsRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/dashboards',
  component: lazyRouteComponent(() => import('./pages/reports/dashboards.tsx'), 'Dashboards'),
});
const dashboardRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/dashboards/$id',
  component: lazyRouteComponent(() => import('./pages/reports/dashboards.tsx'), 'DashboardPage'),
});

const jobsRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/jobs',
  validateSearch: (search: Record<string, unknown>): Pick<ListSearch, 'row'> => ({ row: text(search.row) }),
  component: lazyRouteComponent(() => import('./pages/jobs.tsx'), 'Jobs'),
});
const jobRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/jobs/$id',
  validateSearch: (search: Record<string, unknown>): { rejects?: number } => ({
    rejects: number(search.rejects),
  }),
  component: lazyRouteComponent(() => import('./pages/job.tsx'), 'JobPage'),
});

const erasuresRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/jobs/erasures',
  validateSearch: (search: Record<string, unknown>): Pick<ListSearch, 'row'> => ({ row: text(search.row) }),
  component: lazyRouteComponent(() => import('./pages/erasures.tsx'), 'Erasures'),
});
const erasureRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/jobs/erasures/$id',
  component: lazyRouteComponent(() => import('./pages/erasure.tsx'), 'ErasurePage'),
});

const exportsRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/jobs/exports',
  validateSearch: (search: Record<string, unknown>): Pick<ListSearch, 'row'> => ({ row: text(search.row) }),
  component: lazyRouteComponent(() => import('./pages/exports.tsx'), 'Exports'),
});
const exportRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/jobs/exports/$id',
  component: lazyRouteComponent(() => import('./pages/export.tsx'), 'ExportPage'),
});

const dataSyncRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/jobs/data-sync',
  component: lazyRouteComponent(() => import('./pages/data-sync.tsx'), 'DataSyncPage'),
});

const settingsRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/settings',
  component: lazyRouteComponent(() => import('./pages/settings/settings.tsx'), 'Settings'),
});
const settingsIndexRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/settings/environment.tsx'), 'EnvironmentSettings'),
});
const keysRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: '/keys',
  validateSearch: (search: Record<string, unknown>): { key?: number } => ({ key: number(search.key) }),
  component: lazyRouteComponent(() => import('./pages/settings/keys.tsx'), 'Keys'),
});
const privacyRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: '/personal-data',
  component: lazyRouteComponent(() => import('./pages/settings/personal-data.tsx'), 'PersonalData'),
});
export interface ContentSearch extends Pick<ListSearch, 'q' | 'row'> {
  /** Which content; flows when absent. */
  kind?: ContentKind;
  /** The number or key of what is opened. */
  item?: string;
}
const contentRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: '/content',
  validateSearch: (search: Record<string, unknown>): ContentSearch => ({
    kind: CONTENT_KINDS.find((kind) => kind === search.kind),
    q: text(search.q),
    row: text(search.row),
    item: text(search.item),
  }),
  component: lazyRouteComponent(() => import('./pages/settings/content.tsx'), 'ContentCatalogue'),
});
const teamRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: '/team',
  component: lazyRouteComponent(() => import('./pages/settings/team.tsx'), 'Team'),
});
const auditRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: '/audit',
  component: lazyRouteComponent(() => import('./pages/settings/audit.tsx'), 'Audit'),
});
const accountRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: '/account',
  component: lazyRouteComponent(() => import('./pages/settings/account.tsx'), 'Account'),
});

const routeTree = rootRoute.addChildren([
  signInRoute,
  welcomeRoute,
  frameRoute.addChildren([
    homeRoute,
    liveRoute,
    usersRoute,
    userRoute,
    companiesRoute,
    companyRoute,
    segmentsRoute,
    newSegmentRoute,
    segmentRoute,
    editSegmentRoute,
    eventsRoute,
    eventRoute,
    explorerRoute,
    propertiesRoute,
    reportsRoute,
    reportRoute,
    dashboardsRoute,
    dashboardRoute,
    jobsRoute,
    jobRoute,
    erasuresRoute,
    erasureRoute,
    dataSyncRoute,
    exportsRoute,
    exportRoute,
    settingsRoute.addChildren([
      settingsIndexRoute,
      keysRoute,
      privacyRoute,
      contentRoute,
      teamRoute,
      auditRoute,
      accountRoute,
    ]),
  ]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
  scrollToTopSelectors: ['#content'],
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
