import { useId } from 'react';
import { classNames } from './class-names.ts';

/** A choice among a few words that all stand there. */
export function Segmented<Value extends string>({
  label,
  options,
  value,
  onChange,
  disabled,
}: {
  label: string;
  options: readonly (readonly [Value, string])[];
  value: Value;
  onChange: (value: Value) => void;
  disabled?: boolean;
}) {
  const name = useId();
  return (
    <fieldset className="flex w-fit overflow-hidden rounded-md border border-line-strong" disabled={disabled}>
      <legend className="sr-only">{label}</legend>
      {options.map(([each, title]) => (
        <label
          key={each}
          className={classNames(
            'flex h-[30px] cursor-pointer items-center border-l border-line px-2.5 text-data whitespace-nowrap first:border-l-0 hover:bg-hover has-focus-visible:outline-2 has-focus-visible:-outline-offset-2 has-focus-visible:outline-accent',
            value === each ? 'bg-accent-wash font-medium text-accent' : 'text-muted',
          )}
        >
          <input
            type="radio"
            name={name}
            className="sr-only"
            checked={value === each}
            onChange={() => onChange(each)}
          />
          {title}
        </label>
      ))}
    </fieldset>
  );
}
