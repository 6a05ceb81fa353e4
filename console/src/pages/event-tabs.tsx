import { PageTabs } from '../ui/page-tabs.tsx';

const TABS = [
  { to: '/events', title: 'Catalogue' },
  { to: '/events/explorer', title: 'Explorer' },
  { to: '/events/properties', title: 'Properties' },
] as const;

/** The three ways to look at events. */
export function EventTabs() {
  return <PageTabs label="Events" tabs={TABS} />;
}
