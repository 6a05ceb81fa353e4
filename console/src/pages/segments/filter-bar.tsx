/** Who of a list is shown, as a rule that the address carries in its text form. */
import { lazy, Suspense, useState } from 'react';
import type { Level } from '../../rule/rule.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { CloseIcon } from '../../ui/icons.tsx';

const FilterEditor = lazy(() => import('./filter-editor.tsx'));

export function FilterBar({
  level,
  filter,
  onChange,
}: {
  level: Level;
  filter: string | undefined;
  onChange: (filter: string | undefined) => void;
}) {
  const [isOpen, setOpen] = useState(false);
  if (isOpen) {
    return (
      <div className="w-full rounded-lg border border-line px-3.5 py-3">
        <Suspense fallback={null}>
          <FilterEditor
            key={filter ?? ''}
            level={level}
            filter={filter}
            onApply={(next) => {
              setOpen(false);
              onChange(next);
            }}
            onClose={() => setOpen(false)}
          />
        </Suspense>
      </div>
    );
  }
  if (filter === undefined) return <Button onClick={() => setOpen(true)}>Filter</Button>;
  return (
    <span className="inline-flex h-8 min-w-0 max-w-full items-center rounded-md bg-accent-wash text-data text-accent">
      <button
        type="button"
        title={`${filter}\nChange this filter`}
        onClick={() => setOpen(true)}
        className="mono h-8 min-w-0 truncate rounded-md pl-2.5"
      >
        {filter}
      </button>
      <IconButton label="Take the filter away" className="!text-accent" onClick={() => onChange(undefined)}>
        <CloseIcon size={12} />
      </IconButton>
    </span>
  );
}
