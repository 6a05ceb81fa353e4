/** Somebody, or a segment, as it was: the control that goes back in time, and the words that say so. */
import { useEffect, useId, useState } from 'react';
import { fromLocal, toLocal } from '../history-search.ts';
import { absolute, inFull, viewerTimeZone } from '../text/time.ts';
import { Button } from '../ui/button.tsx';
import { classNames } from '../ui/class-names.ts';
import { INPUT } from '../ui/field.tsx';

/** Steps of the slider over the whole time. */
const STEPS = 1_000;
const SETTLE_MS = 150;

interface Props {
  /** Where the slider begins. */
  first: string;
  asOf: string | undefined;
  onChange: (asOf: string | undefined) => void;
}

export function AsOf({ first, asOf, onChange }: Props) {
  const [end] = useState(() => Date.now());
  // Times come with microseconds, and the first event belongs to the first step.
  const begin = Math.min(Date.parse(first) + 1, end);
  const chosen = asOf === undefined ? end : Date.parse(asOf);
  const stepOf = (at: number) =>
    end > begin ? Math.min(Math.max(Math.round(((at - begin) / (end - begin)) * STEPS), 0), STEPS) : STEPS;
  const [step, setStep] = useState(stepOf(chosen));
  const [isMoving, setMoving] = useState(false);
  const id = useId();
  const shownStep = isMoving ? step : asOf === undefined ? STEPS : stepOf(chosen);
  const at = isMoving ? begin + ((end - begin) * step) / STEPS : chosen;
  const isNow = isMoving ? step === STEPS : asOf === undefined;
  // The page follows once the slider rests.
  useEffect(() => {
    if (!isMoving) return;
    const timer = setTimeout(() => {
      setMoving(false);
      onChange(step === STEPS ? undefined : new Date(begin + ((end - begin) * step) / STEPS).toISOString());
    }, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [isMoving, step, begin, end, onChange]);
  return (
    <section
      aria-label="Going back in time"
      className={classNames(
        'mx-4 mb-6 flex flex-wrap items-center gap-x-4 gap-y-2 rounded-lg px-4 py-2.5 text-data sm:mx-6',
        isNow ? 'bg-surface' : 'border border-warn bg-warn-wash',
      )}
    >
      <label htmlFor={id} className="font-medium">
        As of
      </label>
      <input
        key={asOf ?? 'now'}
        id={id}
        type="datetime-local"
        title={`In ${viewerTimeZone()}`}
        defaultValue={asOf === undefined ? '' : toLocal(asOf)}
        max={toLocal(end)}
        onBlur={({ target }) => {
          if (target.value !== (asOf === undefined ? '' : toLocal(asOf))) onChange(fromLocal(target.value));
        }}
        onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
        className={classNames(INPUT, '!w-[220px]')}
      />
      <input
        type="range"
        aria-label="As of"
        aria-valuetext={isNow ? 'now' : absolute(at)}
        min={0}
        max={STEPS}
        value={shownStep}
        onChange={({ target }) => {
          setStep(Number(target.value));
          setMoving(true);
        }}
        className="min-w-[140px] flex-1 accent-accent"
      />
      <p role="status" className="min-w-[220px] max-sm:w-full">
        {isNow ? (
          <span className="text-muted">Everything as it is now</span>
        ) : (
          <>
            <span className="font-medium text-warn">The past</span>, as of{' '}
            <time dateTime={new Date(at).toISOString()} title={inFull(at)}>
              {absolute(at)}
            </time>
          </>
        )}
      </p>
      {!isNow && (
        <Button small onClick={() => onChange(undefined)}>
          Back to now
        </Button>
      )}
    </section>
  );
}
