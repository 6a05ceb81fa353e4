import { classNames } from './class-names.ts';

/** The status of a call: the number for those who know them, the colour only in addition. */
export function Status({ status }: { status: number }) {
  return (
    <span
      className={classNames(
        'figures mono inline-block w-[3ch] font-medium',
        status < 400 ? 'text-good' : status < 500 ? 'text-bad' : 'text-warn',
      )}
    >
      {status}
    </span>
  );
}

const TONES = {
  good: 'text-good',
  warn: 'text-warn',
  bad: 'text-bad',
  muted: 'text-muted',
};

/** A word for a state, with a dot of its colour. */
export function State({ tone, children }: { tone: keyof typeof TONES; children: string }) {
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap">
      <span aria-hidden="true" className={classNames('size-1.5 rounded-full bg-current', TONES[tone])} />
      {children}
    </span>
  );
}
