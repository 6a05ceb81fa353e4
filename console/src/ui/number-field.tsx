/** A whole number within bounds. */
import { useState } from 'react';
import { classNames } from './class-names.ts';
import { INPUT } from './field.tsx';
import { type Bounds, nearestWhole, wholeNumber } from './whole-number.ts';

/**
 * While somebody types, what stands there is theirs, and only numbers within the bounds are passed on. Leaving the field
 * passes on the nearest that is allowed; an empty one shows again what counts.
 */
export function NumberField({
  label,
  value,
  onChange,
  className = '!w-[76px]',
  ...bounds
}: Bounds & {
  label: string;
  value: number;
  onChange: (value: number) => void;
  className?: string;
}) {
  const [draft, setDraft] = useState<string | null>(null);
  const take = (number: number | null) => {
    if (number !== null && number !== value) onChange(number);
  };
  const settle = () => {
    if (draft !== null) take(nearestWhole(draft, bounds));
    setDraft(null);
  };
  return (
    <input
      type="number"
      {...bounds}
      aria-label={label}
      aria-invalid={draft !== null && wholeNumber(draft, bounds) === null ? true : undefined}
      value={draft ?? value}
      onChange={({ target }) => {
        setDraft(target.value);
        take(wholeNumber(target.value, bounds));
      }}
      onBlur={settle}
      onKeyDown={({ key }) => {
        if (key === 'Enter') settle();
      }}
      className={classNames(INPUT, className)}
    />
  );
}
