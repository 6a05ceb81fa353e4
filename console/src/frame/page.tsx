import { type ReactNode, useEffect } from 'react';
import { useEnvironment } from './session.ts';

/** A page: one title, one line that says what is shown, actions to the right, then the content with the whole width. */
export function Page({
  title,
  name,
  line,
  actions,
  children,
  fill,
  above,
}: {
  title: ReactNode;
  /** What stands in the browser's tab; the title when that is a text. */
  name?: string;
  line?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** The content scrolls itself. */
  fill?: boolean;
  /** Above the title: the way back. */
  above?: ReactNode;
}) {
  const environment = useEnvironment();
  const tab = name ?? (typeof title === 'string' ? title : 'Muster');
  useEffect(() => {
    document.title = `${tab} · ${environment.name} · Muster`;
  }, [tab, environment.name]);
  return (
    <div className={fill ? 'flex h-full min-h-0 flex-col' : 'pb-16'}>
      <header className="px-4 pt-4 pb-3 sm:px-6 sm:pt-5">
        {above}
        <div className="flex items-start justify-between gap-4">
          <div className="min-w-0">
            <h1 className="text-title font-semibold break-words">{title}</h1>
            {line && <div className="figures min-h-[21px] text-body text-muted">{line}</div>}
          </div>
          {actions && <div className="flex shrink-0 items-center gap-2">{actions}</div>}
        </div>
      </header>
      {children}
    </div>
  );
}

/** A part of a page under a heading of its own. */
export function Section({
  title,
  line,
  actions,
  children,
}: {
  title: string;
  line?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="mb-9">
      <div className="mb-3 flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
        <div className="min-w-0">
          <h2 className="text-[15px] leading-6 font-semibold">{title}</h2>
          {line && <p className="max-w-[68ch] text-muted">{line}</p>}
        </div>
        {actions && <div className="flex items-center gap-2">{actions}</div>}
      </div>
      {children}
    </section>
  );
}
