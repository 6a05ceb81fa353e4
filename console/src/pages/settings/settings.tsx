import { Outlet } from '@tanstack/react-router';
import { Page } from '../../frame/page.tsx';
import { useEnvironment, useMay } from '../../frame/session.ts';
import { PageTabs } from '../../ui/page-tabs.tsx';

/** One column of short sections. Whose section a role may not see is not offered. */
export function Settings() {
  const environment = useEnvironment();
  const isAdmin = useMay('admin');
  const isAnalyst = useMay('analyst');
  const places = [
    { to: '/settings', title: 'Environment', shown: true },
    { to: '/settings/keys', title: 'API keys', shown: isAnalyst },
    { to: '/settings/personal-data', title: 'Personal data', shown: isAdmin },
    { to: '/settings/content', title: 'Content', shown: true },
    { to: '/settings/team', title: 'Team', shown: isAdmin },
    { to: '/settings/audit', title: 'Audit', shown: isAdmin },
    { to: '/settings/account', title: 'Your account', shown: true },
  ] as const;
  return (
    <Page title="Settings" line={environment.name}>
      <PageTabs label="Settings" tabs={places.filter(({ shown }) => shown)} />
      <div className="max-w-[840px] px-4 pt-2 sm:px-6">
        <Outlet />
      </div>
    </Page>
  );
}
