/** The few signs of the console, drawn on a grid of 16. */
import type { ReactNode } from 'react';

function icon(name: string, drawing: ReactNode) {
  const Icon = ({ size = 16 }: { size?: number }) => (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      className="shrink-0"
    >
      {drawing}
    </svg>
  );
  Icon.displayName = name;
  return Icon;
}

export const HomeIcon = icon('Home', <path d="M2.5 7 8 2.5 13.5 7v6.5h-4v-4h-3v4h-4z" />);
export const LiveIcon = icon('Live', <path d="M1.5 8h3l2-5 3.2 10 2-5h2.8" />);
export const UsersIcon = icon(
  'Users',
  <>
    <circle cx="8" cy="5.2" r="2.7" />
    <path d="M2.8 13.8c.4-2.8 2.5-4.3 5.2-4.3s4.800 1.500 5.200 4.300" />
  </>,
);
export const CompaniesIcon = icon(
  'Companies',
  <path d="M2.500 13.500v-11h7v11M9.500 6.500h4v7M1.500 13.500h13M5 5.500h2M5 8.500h2M5 11h2" />,
);
export const SegmentsIcon = icon(
  'Segments',
  <>
    <circle cx="6" cy="8" r="3.800" />
    <circle cx="10" cy="8" r="3.800" />
  </>,
);
export const EventsIcon = icon(
  'Events',
  <path d="M3 4h.01M3 8h.01M3 12h.01M6 4h7.500M6 8h7.500M6 12h7.500" strokeWidth="1.600" />,
);
export const SettingsIcon = icon(
  'Settings',
  <>
    <path d="M2 4.500h6.500M12 4.500h2M2 11.500h2M7.500 11.500H14" />
    <circle cx="10.200" cy="4.500" r="1.700" />
    <circle cx="5.700" cy="11.500" r="1.700" />
  </>,
);
export const JobsIcon = icon('Jobs', <path d="M8 10V2.500M5 5.300 8 2.500l3 2.800M2.500 9.500v4h11v-4" />);
export const ReportsIcon = icon(
  'Reports',
  <path d="M2.500 2.500v11h11M5.500 10.500v-3M8.500 10.500v-6M11.500 10.500v-4.500" />,
);
export const SearchIcon = icon(
  'Search',
  <>
    <circle cx="7" cy="7" r="4.300" />
    <path d="m10.300 10.300 3.400 3.400" />
  </>,
);
export const CloseIcon = icon('Close', <path d="m4 4 8 8M12 4l-8 8" />);
export const ChevronIcon = icon('Chevron', <path d="m4.500 6.300 3.500 3.500 3.500-3.500" />);
export const BackIcon = icon('Back', <path d="M9.700 3.500 5.200 8l4.500 4.500" />);
export const CopyIcon = icon(
  'Copy',
  <>
    <rect x="5.500" y="5.500" width="8" height="8" rx="1.500" />
    <path d="M10.500 3.700v-.2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h.2" />
  </>,
);
export const CheckIcon = icon('Check', <path d="m3.500 8.500 3 3 6-7" />);
export const MoreIcon = icon(
  'More',
  <g fill="currentColor" stroke="none">
    <circle cx="3.500" cy="8" r="1.200" />
    <circle cx="8" cy="8" r="1.200" />
    <circle cx="12.500" cy="8" r="1.200" />
  </g>,
);
export const PauseIcon = icon('Pause', <path d="M5.500 3.500v9M10.500 3.500v9" />);
export const PlayIcon = icon('Play', <path d="M5 3.500 12 8l-7 4.500z" />);
export const ColumnsIcon = icon('Columns', <path d="M2.500 3h11v10h-11zM6.200 3v10M9.800 3v10" />);
export const ReloadIcon = icon('Reload', <path d="M13 8a5 5 0 1 1-1.500-3.600M13 2.500v2.600h-2.600" />);
