import type { ButtonHTMLAttributes, ReactNode } from 'react';
import { classNames } from './class-names.ts';

type Look = 'primary' | 'plain' | 'quiet' | 'danger';

const LOOKS: Record<Look, string> = {
  primary: 'bg-accent text-accent-ink border-transparent hover:brightness-110 disabled:opacity-50',
  plain: 'bg-raised text-ink border-line-strong hover:bg-hover disabled:text-muted disabled:hover:bg-raised',
  quiet: 'bg-transparent text-muted border-transparent hover:bg-hover hover:text-ink',
  danger: 'bg-raised text-bad border-line-strong hover:bg-bad-wash hover:border-bad disabled:opacity-50',
};

export function buttonClass(look: Look = 'plain', small = false): string {
  return classNames(
    'inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap select-none',
    small ? 'h-7 px-2 text-data' : 'h-8 px-3 text-data',
    LOOKS[look],
  );
}

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  small?: boolean;
  /** The action is under way: the button waits, and says so to those who do not see it. */
  busy?: boolean;
}

export function Button({ look, small, busy, className, children, disabled, ...rest }: Props) {
  return (
    <button
      type="button"
      className={classNames(buttonClass(look, small), className)}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {children}
    </button>
  );
}

/** A square button that shows only a sign; its name is for those who do not see it, and for the pointer. */
export function IconButton({
  label,
  children,
  className,
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { label: string; children: ReactNode }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={classNames(
        'inline-flex size-8 shrink-0 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-ink',
        className,
      )}
      {...rest}
    >
      {children}
    </button>
  );
}
