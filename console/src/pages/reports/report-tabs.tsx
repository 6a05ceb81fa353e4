import { PageTabs } from '../../ui/page-tabs.tsx';

const TABS = [
  { to: '/reports', title: 'Reports' },
  { to: '/dashboards', title: 'Dashboards' },
] as const;

/** Saved questions, and lists of them that are looked at together. */
export function ReportTabs() {
  return <PageTabs label="Reports" tabs={TABS} />;
}
