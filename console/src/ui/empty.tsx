import type { ReactNode } from 'react';

/** What this place will show, why it is empty, and the one thing to do. */
export function Empty({
  title,
  children,
  action,
}: {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="mx-auto max-w-[52ch] px-4 py-14 text-center">
      <p className="text-[15px] leading-6 font-medium">{title}</p>
      {children && <div className="mt-1 text-muted">{children}</div>}
      {action && <div className="mt-4 flex justify-center gap-2">{action}</div>}
    </div>
  );
}

/** A search or a filter left nothing, and can be taken back. */
export function NothingFound({
  title,
  children,
  onClear,
}: {
  title: string;
  children?: ReactNode;
  onClear: () => void;
}) {
  const action = (
    <button type="button" className="link" onClick={onClear}>
      Show all
    </button>
  );
  return (
    <Empty title={title} action={action}>
      {children}
    </Empty>
  );
}

/** Lines that stand for text, only while something loads for the first time. */
export function Skeleton({ lines = 3, className = '' }: { lines?: number; className?: string }) {
  const widths = ['w-3/4', 'w-1/2', 'w-5/6', 'w-2/3'];
  return (
    <div className={`appear space-y-3 py-2 ${className}`} role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} className={`pulse h-3 rounded bg-line ${widths[index % widths.length]}`} />
      ))}
    </div>
  );
}
