import { MOD } from '../keyboard/keys.ts';
import { Dialog } from '../ui/dialog.tsx';

const GROUPS: { title: string; keys: [string, string][] }[] = [
  {
    title: 'Everywhere',
    keys: [
      [`${MOD}K`, 'Find a user, a company, an event, a page or an action'],
      ['/', 'Search on this page'],
      ['?', 'Show these keys'],
      ['Esc', 'Close, or go back'],
    ],
  },
  {
    title: 'In lists',
    keys: [
      ['j  k', 'Next and previous row; the arrows do the same'],
      ['Enter', 'Open the selected row'],
      ['r', 'Read the list anew'],
    ],
  },
  {
    title: 'Live',
    keys: [['p', 'Pause, and go on']],
  },
  {
    title: 'Pages',
    keys: [
      ['g h', 'Home'],
      ['g l', 'Live'],
      ['g u', 'Users'],
      ['g c', 'Companies'],
      ['g m', 'Segments'],
      ['g e', 'Events'],
      ['g r', 'Reports'],
      ['g j', 'Jobs'],
      ['g s', 'Settings'],
    ],
  },
];

export default function KeyHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      {GROUPS.map(({ title, keys }) => (
        <div key={title} className="mt-4 first:mt-0">
          <h3 className="mb-1 text-data text-muted">{title}</h3>
          <dl>
            {keys.map(([key, does]) => (
              <div key={key} className="flex items-baseline gap-4 py-1">
                <dt className="w-20 shrink-0">
                  <kbd className="rounded border border-line-strong px-1.5 py-0.5">{key}</kbd>
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </div>
      ))}
    </Dialog>
  );
}
